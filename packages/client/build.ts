import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { declareViews } from './declare-views.ts'

/*
 * `npm run client` (root): src/views.ts, and web/client.js, which guichet serves; with `--package` also dist/ of this package.
 * Prints what the browser client weighs.
 */
const folder = import.meta.dirname
const served = join(folder, '../../web/client.js')

/** One of the package's two modules as one file without imports. */
export async function bundle(name: 'client' | 'backend', minify: boolean): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'src', `${name}.ts`)],
    bundle: true,
    minify,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    write: false
  })
  return outputFiles[0]?.text ?? ''
}

/** Bytes, minified and gzipped. */
export const weigh = (code: string) => gzipSync(code, { level: 9 }).length

async function buildPackage(): Promise<void> {
  const dist = join(folder, 'dist')
  const emitted = mkdtempSync(join(tmpdir(), 'guichet-client-'))
  rmSync(dist, { recursive: true, force: true })
  execFileSync('tsc', ['-p', join(folder, 'tsconfig.build.json'), '--outDir', emitted], { stdio: 'inherit' })
  cpSync(emitted, dist, { recursive: true })
  rmSync(emitted, { recursive: true })
  for (const file of readdirSync(dist)) {
    const text = readFileSync(join(dist, file), 'utf8')
    writeFileSync(join(dist, file), text.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.js'"))
  }
  for (const name of ['client', 'backend'] as const) writeFileSync(join(dist, `${name}.js`), await bundle(name, false))
}

if (import.meta.main) {
  // A package of its own cannot import guichet's sources: their types are written out.
  writeFileSync(join(folder, 'src/views.ts'), declareViews())
  const client = await bundle('client', true)
  writeFileSync(served, client)
  if (process.argv.includes('--package')) await buildPackage()
  console.log(`browser client: ${client.length} bytes minified, ${weigh(client)} gzipped (limit 4000)`)
}
