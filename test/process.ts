import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { runCommandLine } from '../src/commands/command-line.ts'
import type { Environment } from './helper.ts'

/** A server as a process of its own, as an operator runs it. */
export interface ServerProcess {
  /** Its origin. */
  url: string
  process: ChildProcess
  pid: number
  /** Every line of its standard output so far. */
  logs: string[]
  /** Once it has loaded what its start had left for later: its memory grows until then. */
  loaded: Promise<void>
  /** Sends the signal; resolves once the process is gone, if the signal ends it. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
}

/** What every process of ours gets: the machine's programs, and the modules that others have compiled already. */
const { PATH, NODE_COMPILE_CACHE } = process.env
const shared = { PATH, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) }

const serverFile = new URL('../src/server.ts', import.meta.url).pathname

/** Starts a server over that environment, on a free port, and ends it with the test; resolves once it listens. */
export async function startServer(
  t: Test,
  environment: Environment,
  options: Pick<SpawnOptions, 'env'> = {}
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [serverFile], {
    env: { ...shared, HOST: '127.0.0.1', PORT: '0', ...environment, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const { pid, stdout } = child
  if (pid === undefined || !stdout) throw new Error('the server did not start')

  async function kill(signal: Parameters<ServerProcess['kill']>[0]): Promise<void> {
    child.kill(signal)
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited
  }
  t.teardown(() => kill('SIGKILL'))

  const logs: string[] = []
  const loaded = Promise.withResolvers<void>()
  const lines = createInterface({ input: stdout })
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', line => {
      logs.push(line)
      if (line.includes('"event":"loaded"')) loaded.resolve()
      const [, origin] = /"Server listening at (http:[^"]+)"/.exec(line) ?? []
      if (origin) resolve(origin)
    })
    exited.then(([code]) => reject(new Error(`the server ended with ${code}: ${logs.at(-1) ?? ''}`)), reject)
  })
  return { url, process: child, pid, logs, loaded: loaded.promise, kill }
}

/** Memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** How a command ended, and what it said. */
export interface CommandResult {
  code: number | null
  out: string
  err: string
}

const cliFile = new URL('../src/cli.ts', import.meta.url).pathname

/** `guichet …args` over that environment, in this process. */
export async function guichet(environment: Environment, ...args: string[]): Promise<CommandResult> {
  const said = { out: '', err: '' }
  const code = await runCommandLine(args, environment, {
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    }
  })
  return { code, ...said }
}

/** The same as a process of its own, as operators run it; `child` may be killed before it ends. */
export function runGuichet(
  environment: Environment,
  ...args: string[]
): { child: ChildProcess; ended: Promise<CommandResult> } {
  const child = spawn(process.execPath, [cliFile, ...args], {
    env: { ...shared, ...environment },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }))
  return { child, ended }
}

/** A server at that origin as `inject` knows it, so that a test's browsers and backends can use it over its socket. */
export function injectAt(origin: string): FastifyInstance {
  const inject = async ({ method = 'GET', url, headers, payload }: InjectOptions) => {
    const response = await fetch(new URL(String(url), origin), {
      method,
      redirect: 'manual',
      headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...headers } as Record<
        string,
        string
      >,
      ...(payload !== undefined && { body: typeof payload === 'string' ? payload : JSON.stringify(payload) })
    })
    const body = await response.text()
    return {
      statusCode: response.status,
      headers: { ...Object.fromEntries(response.headers), 'set-cookie': response.headers.getSetCookie() },
      body,
      json: () => JSON.parse(body)
    }
  }
  return { inject } as unknown as FastifyInstance
}
