import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePort } from '@guichet/fake-google/free-port'
import type { Environment } from '../test/helper.ts'
import { type Client, createClient } from './http-client.ts'
import { cleanAtExit } from './leftovers.ts'

const root = join(import.meta.dirname, '..')
const startMs = 60_000
/** A program of guichet as a process of its own, with that environment and nothing else. */
export function startProgram(args: string[], environment: Environment): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  child.once(
    'exit',
    cleanAtExit(() => child.kill('SIGKILL'))
  )
  return child
}

/** A real server, ready for requests. */
export interface ServerProcess extends Client {
  url: string
  pid: number
  /** How long it computed at a stretch since it was last asked; of a server that was started with `measuresTurns`. */
  longestTurnMs(): Promise<number>
  /** kill -9; resolves once it is gone. */
  kill(): Promise<void>
}

/** In the environment of a server: it notes for how long its event loop stands still, and has memory as `npm start` gives it. */
export const measuresTurns = {
  NODE_OPTIONS: `--max-semi-space-size=8 --import=${join(import.meta.dirname, 'longest-turn.ts')}`
}

/** Starts a server and waits until it says that it is ready. */
export async function startServer(environment: Environment, connections = 16): Promise<ServerProcess> {
  const port = await findFreePort()
  const child = startProgram(['src/server.ts'], { ...environment, PORT: String(port) })
  let complaint = ''
  child.stderr?.on('data', chunk => {
    complaint += chunk
  })
  const url = `http://127.0.0.1:${port}`
  const client = createClient(url, connections)
  const deadline = Date.now() + startMs
  for (;;) {
    const ready = await client.request('/readyz').catch(() => undefined)
    if (ready?.status === 200) break
    if (child.exitCode !== null && complaint.includes('EADDRINUSE')) {
      // Another process took that port in between.
      await client.close()
      return startServer(environment, connections)
    }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`a server did not start: ${complaint}`)
    await delay(50)
  }
  return {
    ...client,
    url,
    pid: child.pid ?? 0,
    async longestTurnMs() {
      const answer = once(child, 'message')
      child.send('ask')
      return Number((await answer)[0])
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      await client.close()
    }
  }
}
