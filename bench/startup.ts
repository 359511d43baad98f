import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startFakeGoogle } from '@guichet/fake-google'

/*
 * How long guichet takes from its start to the first 200 on /readyz, and what memory it holds once all is loaded, beside
 * processes that do less or more. Rounds are interleaved, and ratios are taken within a round: machines and their loads
 * differ. Packages that only some requests need come after the start: so there are two floors, one with all packages of
 * guichet's and one with those that its start loads.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } })
const rounds = Number(values.rounds)
const root = join(import.meta.dirname, '..')
/** After the first 200 a process still collects what starting left behind, and guichet loads the rest of its packages. */
const settleMs = 500
const loadedMs = 4_000

interface Row {
  name: string
  /** What node is called with. */
  words: string[]
  env?: NodeJS.ProcessEnv
  /** From the first 200 until its memory is read. */
  settleMs?: number
}

const google = await startFakeGoogle()
const port = 4700 + (process.pid % 1000)
const script = (source: string) => ['--input-type=module', '-e', source]
const { all, atStart } = readPackages()
const [, ...asNpmStart] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.start.split(' ')
const rows = {
  guichet: { name: 'guichet', words: asNpmStart, settleMs: loadedMs },
  discovering: {
    name: 'guichet, with an issuer that it has to discover',
    words: asNpmStart,
    env: { GOOGLE_ISSUER: google.issuer, GOOGLE_API_URL: google.issuer },
    settleMs: loadedMs
  },
  first: {
    name: "guichet's first start, nothing compiled before",
    words: asNpmStart,
    env: { NODE_DISABLE_COMPILE_CACHE: '1' },
    settleMs: loadedMs
  },
  packages: {
    name: `only its ${all.length} packages, and MongoDB connected`,
    words: importing(all)
  },
  startPackages: {
    name: `only the ${atStart.length} that its start loads, and MongoDB connected`,
    words: importing(atStart)
  },
  fastify: {
    name: 'bare Fastify',
    words: script(`import Fastify from 'fastify'
      const app = Fastify()
      app.get('/readyz', async () => 'ok')
      await app.listen({ port: ${port} })`)
  },
  googleapis: {
    name: 'Fastify and all of googleapis',
    words: script(`import Fastify from 'fastify'
      import { google } from 'googleapis'
      const app = Fastify()
      app.get('/readyz', async () => 'ok' + typeof google)
      await app.listen({ port: ${port} })`)
  }
} satisfies Record<string, Row>
const keys = Object.keys(rows) as (keyof typeof rows)[]

function importing(packages: readonly string[]): string[] {
  return script(`${packages.map(name => `import '${name}'`).join('\n')}
    import { createServer } from 'node:net'
    import { MongoClient } from 'mongodb'
    const client = await new MongoClient(process.env.MONGODB_URI).connect()
    await client.db().command({ ping: 1 })
    // Node's HTTP module would load more than these packages do.
    createServer(socket => socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n')).listen(${port}, '127.0.0.1')`)
}

/** Every package that the server's built sources import at their start, and with those that they load later. */
function readPackages(): { all: string[]; atStart: string[] } {
  const files = globSync('dist/{src,plugins,routes}/**/*.js', { cwd: root }).filter(
    file => !/commands|worker/.test(file)
  )
  if (files.length === 0) throw new Error('there is no dist/: npm run build')
  const text = files.map(file => readFileSync(join(root, file), 'utf8')).join('\n')
  const find = (pattern: RegExp) => [...text.matchAll(pattern)].map(match => match[1] ?? match[2] ?? '')
  const atStart = find(/^(?:import|export) [^;]*?from '([^.'][^']*)'|^import '([^.'][^']*)'/gm)
  const later = find(/\blazily\(\s*'([^']+)'/g)
  const toList = (names: string[]) => [...new Set(names)].filter(name => !isBuiltin(name)).sort()
  return { all: toList([...atStart, ...later]), atStart: toList(atStart) }
}

interface Sample {
  ms: number
  /** Of the process itself, all its threads; tells more than the wall where others use the machine. */
  cpuMs: number
  megabytes: number
}

async function measure(
  { name, words, env: own, settleMs: ownMs = settleMs }: Row,
  env: NodeJS.ProcessEnv
): Promise<Sample> {
  const startedAtMs = performance.now()
  const child = spawn(process.execPath, words, {
    cwd: root,
    env: { ...env, ...own },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  try {
    while (!(await isReady())) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
      await delay(2)
    }
    const ms = performance.now() - startedAtMs
    const cpuMs = readCpuMs(child)
    await delay(ownMs)
    return { ms, cpuMs, megabytes: await readResidentMegabytes(child) }
  } finally {
    // A second signal skips the drain. Not SIGKILL: what a process compiled it keeps at its exit.
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await delay(50)
    child.kill('SIGTERM')
    await exited
  }
}

function isReady(): Promise<boolean> {
  return new Promise(resolve => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('error', () => resolve(false))
  })
}

async function readResidentMegabytes({ pid }: ChildProcess): Promise<number> {
  const ps = spawn('ps', ['-o', 'rss=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const text of ps.stdout) output += text
  return Number(output) / 1024
}

/** User and system time, in the kernel's ticks of 10 ms; NaN where there is no /proc. */
function readCpuMs({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return Number.NaN
  }
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

const mongo = spawn(process.execPath, ['packages/embedded-mongo/src/main.ts', '--port', '0'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'ignore']
})
const [uri] = await once(mongo.stdout, 'data')
const env: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  NODE_ENV: 'production',
  PORT: String(port),
  PUBLIC_URL: `http://localhost:${port}`,
  MONGODB_URI: String(uri).trim(),
  SESSION_SECRETS: 'a secret for the bench of 32 characters or more',
  VAULT_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
  GOOGLE_CLIENT_ID: google.clientId,
  GOOGLE_CLIENT_SECRET: google.clientSecret,
  METRICS_TOKEN: 'a token for the bench'
}

const samples = Object.fromEntries(keys.map(key => [key, [] as Sample[]])) as Record<keyof typeof rows, Sample[]>
try {
  // The first round fills the disk's cache and makes the indexes; it does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const key of keys) {
      const sample = await measure(rows[key], env)
      if (round > 0) samples[key].push(sample)
    }
    process.stderr.write(`round ${round} of ${rounds}\n`)
  }
} finally {
  mongo.kill('SIGKILL')
  await google.close()
}

type Key = keyof typeof rows
/** What a bar is to be held by, in every round. */
const margin = 0.05
const verdict = (unit: keyof Sample, to: Key, bar?: number, of: Key = 'guichet') => {
  const ratios = samples[of].map((sample, round) => sample[unit] / (samples[to][round]?.[unit] ?? Number.NaN))
  const text = `${median(ratios).toFixed(2)} × "${rows[to].name}"`
  if (bar === undefined) return text
  const held = ratios.filter(ratio => ratio <= bar - margin).length
  return `${text} (bar ${bar}: ${median(ratios) <= bar ? 'met' : 'missed'}; held by ${margin} in ${held} of ${rounds} rounds, the worst ${Math.max(...ratios).toFixed(2)})`
}
const lines = keys.map(key => {
  const of = (unit: keyof Sample) => Math.round(median(samples[key].map(one => one[unit])))
  return `| ${rows[key].name} | ${of('ms')} ms | ${of('cpuMs')} ms | ${of('megabytes')} MB |`
})
console.log(`
Node ${process.version}, ${rounds} interleaved rounds, medians

| Process | Start to the first 200 on /readyz | CPU time until then | Resident memory |
|---|---|---|---|
${lines.join('\n')}

Start:  ${verdict('ms', 'packages', 1.3)}
        ${verdict('ms', 'startPackages')}
        ${verdict('ms', 'googleapis')}
        discovering ${verdict('ms', 'packages', undefined, 'discovering')}
CPU:    ${verdict('cpuMs', 'packages', 1.3)}
        ${verdict('cpuMs', 'startPackages')}
        discovering ${verdict('cpuMs', 'packages', undefined, 'discovering')}
Memory: ${verdict('megabytes', 'packages', 1.3)}
        ${verdict('megabytes', 'googleapis')}`)
