import type { Test } from 'tap'
import { type Receiver, startReceiver } from './events/receiver.ts'
import { type Browser, build, type World } from './helper.ts'
import { injectAt, type ServerProcess, startServer } from './process.ts'

/** Some turns of the event loop, in which the process under test continues. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

export interface Told extends World {
  receiver: Receiver
  user: Browser
  /** A process of its own. */
  boot(): Promise<ServerProcess>
  /** Sends a request to that process, lets it run up to a moment, and kills it; gives the answer that came through. */
  killed(
    server: ServerProcess,
    send: (at: Browser) => Promise<{ statusCode: number }>,
    moment: () => Promise<void>
  ): Promise<number | undefined>
}

export async function tell(t: Test): Promise<Told> {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  const user = await world.signedIn()
  return {
    ...world,
    receiver,
    user,
    boot: () => startServer(t, world.environment),
    async killed(server, send, moment) {
      const answer = send(user.clone(injectAt(server.url)))
        .then(({ statusCode }) => statusCode)
        .catch(() => undefined)
      await moment()
      await server.kill('SIGKILL')
      return answer
    }
  }
}

/** The surviving replica does all remaining work. */
export async function settle({ app, clock }: Told): Promise<void> {
  clock.advance(90_000)
  await app.background.run()
  await app.background.run()
  await app.webhook?.run()
}

/** Each committed change has an event with one id, delivered at least once, and there are no others. */
export async function isTold(t: Test, { receiver, app }: Told, id: string, types: string[]): Promise<void> {
  const told = new Map<string, string>()
  for (const { event, body } of receiver.requests.filter(({ body }) => body.includes(id))) {
    t.equal(told.get(event.id) ?? body, body, 'the same each time')
    told.set(event.id, body)
  }
  const listed = (await app.events.after(0, 1000)).filter(({ data }) => JSON.stringify(data).includes(id))
  t.same(
    listed.map(({ type }) => type),
    types
  )
  t.same([...told.keys()].sort(), listed.map(event => event.id).sort())
}

export type Moment = 'at once' | 'before Google acts' | 'before its answer' | 'after the answer' | number
/** When a process is killed: a number means that many turns after Google's answer was released. experiments/kill.ts kills at any moment. */
export const moments: readonly Moment[] = ['before Google acts', 'before its answer', 20, 'after the answer']
