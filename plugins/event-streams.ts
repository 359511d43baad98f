import { Readable } from 'node:stream'
import fp from 'fastify-plugin'
import { GuichetError } from '../src/errors.ts'
import { createBell } from '../src/services/gmail/news/bell.ts'
import { createStreams, type StreamOptions } from '../src/services/gmail/news/stream.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventStreams: {
      /**
       * A connection's events as they join the list, until `signal` aborts or the server stops. With a session at most
       * three at a time.
       * @throws GuichetError `rate_limited`
       */
      open(stream: StreamOptions & { session: string | undefined }): Readable
      /** Ends those that are open, and any that comes later: a server waits for them when it closes. */
      close(): void
    }
  }
}

const intervalMs = 500
const keepAliveMs = 20_000
const maxPerSession = 3

export default fp(
  async function eventStreams(app) {
    const stopping = new AbortController()
    const open = new Map<string, number>()
    const bell = createBell({
      events: app.events,
      intervalMs,
      onError: err => app.log.warn({ event: 'stream_failed', err }, 'the list of events could not be read for streams')
    })
    const toStream = createStreams({ events: app.events, bell, keepAliveMs })

    /** Until the signal aborts, which it does when the answer ends, whatever ended it. */
    function count(session: string, signal: AbortSignal): void {
      const before = open.get(session) ?? 0
      if (before >= maxPerSession)
        throw new GuichetError('rate_limited', { detail: 'This session has three streams open already.' })
      open.set(session, before + 1)
      signal.addEventListener('abort', () => {
        const left = (open.get(session) ?? 1) - 1
        if (left > 0) open.set(session, left)
        else open.delete(session)
      })
    }

    app.decorate('eventStreams', {
      open({ session, ...options }) {
        if (session !== undefined) count(session, options.signal)
        const signal = AbortSignal.any([options.signal, stopping.signal])
        return Readable.from(toStream({ ...options, signal }), { objectMode: false })
      },
      close() {
        stopping.abort()
        bell.close()
      }
    })
    app.addHook('preClose', async () => app.eventStreams.close())
  },
  { name: 'event-streams', fastify: '5.x', dependencies: ['events'] }
)
