import { safeCodeOf } from '../observability/log.ts'

type Handler = (error: unknown) => void

/**
 * Takes the place of Node's last words, which print an error whole: a library's may hold a secret. What nobody caught
 * ends the process while it starts; from `goOn` on it is logged, and the process serves on: what is stored is good at
 * every moment, and the request that it belongs to runs into its time-out.
 */
export function catchStrayErrors(write: (text: string) => void): { goOn(log: Handler): void } {
  let handle: Handler = error => {
    write(`Ended by an error that nothing caught: ${safeCodeOf(error)}`)
    process.exit(1)
  }
  process.on('uncaughtException', error => handle(error))
  process.on('unhandledRejection', error => handle(error))
  return {
    goOn: log => {
      handle = log
    }
  }
}
