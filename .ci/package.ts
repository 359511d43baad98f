import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { path } from './world.ts'

/*
 * The package as its users get it: packed, installed into an empty TypeScript project, compiled against, run; and what
 * two outside judges of packages say.
 */
const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'guichet-package-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
t.setTimeout(300_000)

const env = { ...process.env, PATH: path, NO_UPDATE_NOTIFIER: '1' }
const run = (cwd: string, command: string, ...words: string[]) =>
  execFileSync(command, words, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const [{ filename, files }] = JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', folder))
const tarball = join(folder, filename)

t.test('package › holds what is built, and nothing of the workshop', async t => {
  const names = files.map(({ path }: { path: string }) => path)
  for (const name of [
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/src/cli.js',
    'dist/web/frame.html',
    'dist/web/client.js',
    'LICENSE'
  ])
    t.ok(names.includes(name), name)
  t.same(
    names.filter((name: string) => /^(src|test|packages|demo|experiments|bench|\.ci)\//.test(name)),
    []
  )
})

t.test('package › in an empty TypeScript project › compiles, and its command answers', async t => {
  const project = join(folder, 'app')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  run(project, 'npm', 'install', '--no-audit', '--no-fund', tarball, 'fastify', 'typescript', '@types/node')
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024'],
        types: ['node'],
        strict: true,
        noEmit: true,
        exactOptionalPropertyTypes: true
      },
      include: ['app.ts']
    })
  )
  writeFileSync(
    join(project, 'app.ts'),
    `import Fastify from 'fastify'
import { type Config, ConfigError, createServer, GuichetError, guichet, parseConfig } from 'guichet'

declare module 'fastify' {
  interface FastifyInstance {
    config: { of: 'the host' }
    users: string[]
  }
}

const config: Config = parseConfig(process.env)
const host = Fastify()
await host.register(guichet, { ...config, prefix: '/accounts' })
const server = await createServer(config)
await server.listen({ port: config.port })
const codes: string[] = [new GuichetError('not_found').code, String(new ConfigError([]).faults)]
// @ts-expect-error a misspelt option is refused
await host.register(guichet, { ...config, publicURL: 1, prefix: 1 })
console.log(codes)
`
  )
  run(project, 'npx', 'tsc', '-p', '.')
  t.match(run(project, 'npx', 'guichet', '--help'), /guichet keys create/)
  t.match(
    run(
      project,
      process.execPath,
      '--input-type=module',
      '--eval',
      "console.log(Object.keys(await import('guichet')).sort().join())"
    ),
    'ConfigError,GuichetError,createServer,guichet,parseConfig'
  )
})

t.test('package › publint and attw find nothing', async t => {
  const { publint } = await import('publint')
  const { formatMessage } = await import('publint/utils')
  const { messages, pkg } = await publint({ pkgDir: root, strict: true })
  t.same(
    messages.map(message => formatMessage(message, pkg)),
    []
  )
  run(root, 'npx', 'attw', tarball, '--profile', 'esm-only')
})
