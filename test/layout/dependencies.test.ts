import { readFileSync } from 'node:fs'
import t from 'tap'

interface Locked {
  version?: string
  integrity?: string
  link?: boolean
  resolved?: string
  optional?: boolean
  dev?: boolean
}

const read = (file: string) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))

/** Below these a fault is known that would be ours: a session that outlives its id, a broken token call, a leaked header. */
const least: Record<string, string> = {
  fastify: '5.8.3',
  '@fastify/session': '11.1.3',
  '@fastify/oauth2': '8.2.0',
  '@fastify/cookie': '11.0.0',
  undici: '7.24.0',
  mongodb: '6.9.0'
}

function isAtLeast(version: string, wanted: string): boolean {
  const [one = [], other = []] = [version, wanted].map(text => text.split('.').map(part => Number.parseInt(part, 10)))
  const at = one.findIndex((part, position) => part !== other[position])
  return at < 0 || (one[at] ?? 0) > (other[at] ?? 0)
}

// R110 speaks of a RISC receiver, too: guichet offers none, so that there is nothing of it to test.
t.test('[R110] dependencies › the lock file pins each by its hash, and none with a known, fixed fault', async t => {
  const { packages } = read('package-lock.json') as { packages: Record<string, Locked> }
  // Optional ones of other platforms stand in it without a hash, and are not installed.
  const installed = Object.entries(packages).filter(
    ([path, { link, optional, integrity }]) => path.includes('node_modules/') && !link && !(optional && !integrity)
  )
  t.ok(installed.length > 100)
  for (const [path, { integrity, version, dev }] of installed) {
    t.match(integrity, /^sha512-/, path)
    const wanted = least[path.slice(path.lastIndexOf('node_modules/') + 13)]
    if (wanted && !dev) t.ok(isAtLeast(version ?? '', wanted), `${path}: ${version} is not below ${wanted}`)
  }
  for (const name of Object.keys(least)) t.ok(packages[`node_modules/${name}`], `${name} is there`)
})
