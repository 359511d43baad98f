import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { connectGmail, path, startSurroundings } from './world.ts'

/*
 * What an engine would do with the Dockerfile, without one: every step is read from that file and runs in a folder per
 * stage; then the last stage's own command is the server, asked as a container would be.
 */
const root = resolve(import.meta.dirname, '..')
const maxMegabytes = 80
// An engine hands a step nothing of its own environment; that one would take what is compiled out of the image.
const { NODE_COMPILE_CACHE: _, ...inherited } = process.env
t.setTimeout(600_000)

interface Stage {
  folder: string
  workdir: string
  env: Record<string, string>
  command: string[]
  healthcheck: string[]
}

const folder = mkdtempSync(join(tmpdir(), 'guichet-container-'))
chmodSync(folder, 0o755)
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** The files an engine is sent: tracked, and let through by .dockerignore (`*`, then exceptions, then what they exclude). */
function readContext(): string[] {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
  const rules = lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
  const isUnder = (file: string, rule: string) => rule === '*' || file === rule || file.startsWith(`${rule}/`)
  const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
  return files.filter(file => {
    const last = rules.findLast(rule => isUnder(file, rule.replace('!', '')))
    return existsSync(join(root, file)) && (last === undefined || last.startsWith('!'))
  })
}

function runDockerfile(): Stage {
  const context = readContext()
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll(/\\\n/g, ' ')
  for (const line of text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))) {
    const [instruction = '', ...words] = line.split(/\s+/)
    const rest = line.slice(instruction.length).trim()
    if (instruction === 'FROM') {
      const name = words[2] ?? 'last'
      stage = { folder: join(folder, name), workdir: '/', env: {}, command: [], healthcheck: [] }
      stages.set(name, stage)
      mkdirSync(stage.folder)
      continue
    }
    if (!stage) throw new Error(`before any FROM: ${line}`)
    const cwd = join(stage.folder, stage.workdir)
    if (instruction === 'WORKDIR') {
      stage.workdir = rest
      mkdirSync(join(stage.folder, rest), { recursive: true })
    } else if (instruction === 'ENV') {
      Object.assign(stage.env, Object.fromEntries(words.map(word => word.split('=', 2))))
    } else if (instruction === 'COPY') {
      const from = words[0]?.startsWith('--from=') && stages.get(words.shift()?.slice('--from='.length) ?? '')
      const target = words.pop() ?? ''
      for (const source of words) {
        const to = join(cwd, target === './' ? source : target)
        if (from) cpSync(join(from.folder, source), to, { recursive: true, verbatimSymlinks: true })
        else copyFromContext(context, source, to)
      }
    } else if (instruction === 'RUN') {
      const env = { ...inherited, PATH: path, ...stage.env }
      execFileSync('sh', ['-c', rest], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
    } else if (instruction === 'CMD') {
      stage.command = JSON.parse(rest)
    } else if (instruction === 'HEALTHCHECK') {
      stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD') + 3))
    } else if (!['USER', 'EXPOSE'].includes(instruction)) {
      throw new Error(`not known here: ${line}`)
    }
  }
  if (!stage) throw new Error('the Dockerfile has no stage')
  return stage
}

function copyFromContext(context: string[], source: string, to: string): void {
  const files = context.filter(file => file === source || file.startsWith(`${source}/`))
  if (files.length === 0) throw new Error(`COPY ${source}: not in the context`)
  for (const file of files) cpSync(join(root, file), join(to, file.slice(source.length)))
}

const stage = runDockerfile()
const app = join(stage.folder, stage.workdir)
const kilobytes = Number(execFileSync('du', ['-sk', app], { encoding: 'utf8' }).split('\t')[0])
const megabytes = Math.ceil(kilobytes / 1024)

t.comment(`a production install takes ${megabytes} MB on disk (bar: ${maxMegabytes} MB)`)
t.test('container › what is shipped', async t => {
  t.ok(megabytes <= maxMegabytes, `${megabytes} MB are at most ${maxMegabytes} MB`)
  const { devDependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))
  const development = Object.keys(devDependencies).filter(name => existsSync(join(app, 'node_modules', name)))
  t.same(development, [], 'no devDependency')
  for (const name of ['src', 'test', 'dist/packages', 'dist/test', '.env', '.git']) {
    t.notOk(existsSync(join(app, name)), `no ${name}`)
  }
  const cache = join(app, 'dist/.compile-cache')
  const kept = [cache, ...readdirSync(cache, { recursive: true }).map(name => join(cache, String(name)))]
  t.ok(kept.length > 2 && kept.every(path => (statSync(path).mode & 0o222) === 0), 'what is compiled is read alone')
  t.equal(stage.env.HOST, '0.0.0.0', 'listens where the engine can reach it')
})

t.test('container › runs as production', async t => {
  const { google, publicUrl, environment } = await startSurroundings(t)
  const cli = spawnSync('node', ['dist/src/cli.js', 'secrets'], { cwd: app, env: { PATH: path }, encoding: 'utf8' })
  t.equal(cli.status, 0, 'the command line works')
  const secrets = cli.stdout
    .trim()
    .split('\n')
    .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  const env: NodeJS.ProcessEnv = {
    PATH: path,
    ...stage.env,
    ...Object.fromEntries(secrets),
    ...environment,
    HOST: '127.0.0.1'
  }
  const isHealthy = () => {
    const [command = '', ...words] = stage.healthcheck
    const check = spawn(command, words, { cwd: app, env, stdio: 'ignore' })
    return once(check, 'exit').then(([code]) => code === 0)
  }
  t.notOk(await isHealthy(), 'not healthy before it runs')

  const [command = '', ...words] = stage.command
  const server = spawn(command, words, { cwd: app, env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill('SIGKILL'))
  const exited = once(server, 'exit')
  let log = ''
  const listening = new Promise<void>(resolve => {
    server.stdout.on('data', text => {
      log += text
      if (log.includes('listening')) resolve()
    })
  })
  await Promise.race([listening, exited])
  t.equal(server.exitCode, null, 'starts')
  t.ok(await isHealthy(), 'healthy')
  t.equal((await fetch(`${publicUrl}/readyz`)).status, 200, '/readyz')
  t.match(await (await fetch(publicUrl)).text(), '</html>', 'the page is there')

  const { id, headers } = await connectGmail(google, publicUrl)
  const mail = await fetch(`${publicUrl}/connections/${id}/gmail/messages`, { headers })
  t.equal(mail.status, 200, 'Gmail is read')

  server.kill('SIGTERM')
  t.same(await exited, [0, null], 'SIGTERM ends it well')
  // By another Node, or under flags that change what V8 makes, it would have begun one of its own.
  t.equal(
    readdirSync(join(app, 'dist/.compile-cache')).length,
    1,
    'what the image holds compiled is what it starts from'
  )
  t.same(google.violations, [])
})
