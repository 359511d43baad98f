import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Environment } from './helper.ts'

/** A server as a process of its own, as an operator runs it. */
export interface ServerProcess {
  /** Its origin. */
  url: string
  process: ChildProcess
  pid: number
  /** Every line of its standard output so far. */
  logs: string[]
  /** Sends the signal; resolves once the process is gone, if the signal ends it. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
}

const serverFile = new URL('../src/server.ts', import.meta.url).pathname

/** Starts a server over that environment, on a free port, and ends it with the test; resolves once it listens. */
export async function startServer(
  t: Test,
  environment: Environment,
  options: Pick<SpawnOptions, 'env'> = {}
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [serverFile], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', ...environment, ...options.env },
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
  const lines = createInterface({ input: stdout })
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', line => {
      logs.push(line)
      const [, origin] = /"Server listening at (http:[^"]+)"/.exec(line) ?? []
      if (origin) resolve(origin)
    })
    exited.then(([code]) => reject(new Error(`the server ended with ${code}: ${logs.at(-1) ?? ''}`)), reject)
  })
  return { url, process: child, pid, logs, kill }
}
