import type { FakeGoogle } from '@guichet/fake-google'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { WatchRecord } from '../../../../src/connections/watch.ts'
import type { ListedEvent } from '../../../../src/events/event.ts'
import type { ConnectionView } from '../../../../src/http/views/connection.ts'
import type { WatchView } from '../../../../src/http/views/watch.ts'
import { storedOf } from '../../../connections/refresh/story.ts'
import { type Browser, enter, type World, type WorldOptions } from '../../../helper.ts'

/** A user whose mailbox can be watched, and its events. */
export interface Newsroom extends World {
  ada: Browser
  connection: ConnectionView
  mailbox: ReturnType<FakeGoogle['gmail']>
  /** Watches the mailbox from now on; returns the watch. */
  follow(wishes?: object): Promise<WatchView>
  watch(method: 'GET' | 'PUT' | 'DELETE', wishes?: object): Promise<LightMyRequestResponse>
  /** Advances the clock, and runs the background work that is due then. */
  pass(ms: number, at?: FastifyInstance): Promise<void>
  stored(): Promise<WatchRecord>
  /** The events of mailboxes, in their order. */
  told(): Promise<ListedEvent[]>
  /** Type and message of each, such as `received 18f…`. */
  news(): Promise<string[]>
  /** Calls of that method that reached Gmail. */
  calls(method: string): number
}

export const pushAccount = 'pusher@guichet-test.iam.gserviceaccount.com'
export const hookUrl = 'http://localhost:3000/hooks/gmail'
export const pushEnvironment = {
  GMAIL_PUBSUB_TOPIC: 'projects/guichet-test/topics/gmail',
  GMAIL_PUSH_ACCOUNT: pushAccount
}

/** Longer than the pause between two looks at a mailbox that has just been followed, and shorter than a minute. */
export const aMoment = 30_000

export async function openNewsroom(t: Test, options?: WorldOptions): Promise<Newsroom> {
  const world = await enter(t, options)
  const { app, google, clock } = world
  const ada = await world.signedIn()
  const connection = await ada.connected()
  const url = `/connections/${connection.id}/gmail/watch`
  const watch: Newsroom['watch'] = (method, wishes) => ada.request({ method, url, ...(wishes && { payload: wishes }) })
  const told = async () => (await app.events.after(0, 10_000)).filter(({ type }) => type.startsWith('gmail.'))
  return {
    ...world,
    ada,
    connection,
    mailbox: google.gmail('ada@example.com'),
    watch,
    async follow(wishes = {}) {
      const response = await watch('PUT', wishes)
      if (response.statusCode !== 200) throw new Error(`following answered ${response.statusCode} ${response.body}`)
      return response.json<WatchView>()
    },
    async pass(ms, at = app) {
      clock.advance(ms)
      await at.background.run()
    },
    async stored() {
      const { watch } = await storedOf(app, connection.id)
      if (!watch) throw new Error('nobody follows the mailbox')
      return watch
    },
    told,
    news: async () =>
      (await told()).map(({ type, data }) =>
        [type.replace(/^gmail\.(message_)?/, ''), (data as { messageId?: string }).messageId].filter(Boolean).join(' ')
      ),
    calls: method => google.requestsTo('gmail').filter(({ gmailMethod }) => gmailMethod === method).length
  }
}
