import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePort } from '@guichet/fake-google/free-port'
import { cleanAtExit } from '../experiments/leftovers.ts'

export const root = join(import.meta.dirname, '..')
const startMs = 60_000
/** Of Linux, in every build that matters: user and system time are counted in ticks of 10 ms. */
const tickMs = 10

/** A server that is measured, in a process of its own. */
export interface Server {
  url: string
  pid: number
  /** User and system time so far, in ms. */
  cpuMs(): number
  residentMb(): number
  kill(): Promise<void>
}

/** What `npm start` gives to node: the flags are part of what is measured, and every contender gets the same. */
const [, ...npmStart]: string[] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.start.split(' ')
const startFlags = npmStart.filter(word => word.startsWith('--') && !word.includes('env-file'))

/** Starts that script on a port of its own, and waits until it answers. Its log goes where a container's may not: nowhere. */
export async function startServer(
  script: string,
  environment: NodeJS.ProcessEnv,
  flags: string[] = []
): Promise<Server> {
  const port = await findFreePort()
  const child = spawn(process.execPath, [...startFlags, ...flags, join(root, script)], {
    cwd: root,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...environment, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  child.once(
    'exit',
    cleanAtExit(() => child.kill('SIGKILL'))
  )
  const url = `http://127.0.0.1:${port}`
  for (const deadline = Date.now() + startMs; !(await isUp(url)); await delay(20)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${script} did not start`)
  }
  const proc = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8')
  return {
    url,
    pid: child.pid ?? 0,
    cpuMs() {
      const [, , ...fields] = proc('stat')
        .replace(/^.*\) /, 'pid name ')
        .split(' ')
      return (Number(fields[11]) + Number(fields[12])) * tickMs
    },
    residentMb: () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))?.[1]) / 1024,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      // A second signal skips the drain. Not SIGKILL: a profile is written at the exit.
      child.kill('SIGTERM')
      await delay(50)
      child.kill('SIGTERM')
      await exited
    }
  }
}

/** The floor and the peers know no /readyz: any answer but "not yet" will do. */
async function isUp(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`).catch(() => undefined)
  await answer?.body?.cancel()
  return answer !== undefined && answer.status !== 503
}
