import type { ServerProcess } from '../servers.ts'

/** A server that may be killed, and the number by which its webhooks tell it apart. */
export interface Numbered extends ServerProcess {
  number: number
}

/** Servers that stand ready, so that a thousand kills need not wait for a thousand starts. */
export interface Pool {
  /** One to be killed; it is the caller's from here on. */
  take(): Promise<Numbered>
  /** The one of that number, if it stands ready. */
  takeNumber(number: number): Numbered | undefined
  /** Kills one that was taken, and starts another. */
  kill(server: Numbered): Promise<void>
}

export function createPool(start: (number: number) => Promise<ServerProcess>, size: number): Pool {
  let ready: Numbered[] = []
  let waiting: PromiseWithResolvers<Numbered>[] = []
  let last = 0

  async function add(): Promise<void> {
    const number = ++last
    try {
      const server = { ...(await start(number)), number }
      const waiter = waiting.shift()
      if (waiter) waiter.resolve(server)
      else ready.push(server)
    } catch (error) {
      for (const waiter of waiting) waiter.reject(error)
      waiting = []
    }
  }
  for (let index = 0; index < size; index++) void add()

  return {
    async take() {
      const server = ready.shift()
      if (server) return server
      const waiter = Promise.withResolvers<Numbered>()
      waiting.push(waiter)
      return waiter.promise
    },
    takeNumber(number) {
      const server = ready.find(each => each.number === number)
      ready = ready.filter(each => each !== server)
      return server
    },
    async kill(server) {
      await server.kill()
      void add()
    }
  }
}
