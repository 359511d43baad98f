import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import { createDatabaseClock } from '../src/database/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The database's time: what is stored is compared with nothing else. */
    databaseClock: Clock
  }
}

const syncMs = 30_000

export default fp(
  async function databaseClock(app) {
    const { db } = app.mongo
    const clock = createDatabaseClock(app.clock, async () => (await db?.command({ hello: 1 }))?.localTime)
    const timer = setInterval(() => void clock.sync().catch(() => {}), syncMs).unref()
    app.decorate('databaseClock', clock)
    app.readiness.require('database clock', { prepare: clock.sync })
    app.addHook('onClose', async () => clearInterval(timer))
  },
  { name: 'database-clock', fastify: '5.x', dependencies: ['database'] }
)
