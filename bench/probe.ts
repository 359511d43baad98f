import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { cleanAtExit } from '../experiments/leftovers.ts'

/** Asks servers for something small over and over, in a process of its own: its parent’s work does not delay its clock. */
export function startProbe() {
  const child = fork(join(import.meta.dirname, 'servers/probe.ts'))
  child.once(
    'exit',
    cleanAtExit(() => child.kill('SIGKILL'))
  )
  return {
    pid: child.pid ?? 0,
    /** Begins; what it resolves to ends it, with how long each server made it wait at most, in ms. */
    async watch(urls: string[]): Promise<() => Promise<number[]>> {
      const begun = once(child, 'message')
      child.send(urls)
      await begun
      return async () => {
        const ended = once(child, 'message')
        child.send('end')
        const [slowestMs] = await ended
        return slowestMs as number[]
      }
    },
    end: () => void child.kill('SIGKILL')
  }
}
