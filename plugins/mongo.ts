import fastifyMongodb from '@fastify/mongodb'
import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import { createDatabaseClock } from '../src/database/clock.ts'
import { type Collections, createCollections, createMongoClient, ensureIndexes } from '../src/database/database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    collections: Collections
    /** The database's time: what is stored is compared with nothing else. */
    databaseClock: Clock
    /** Makes the indexes and compares the clocks; rejects while the database is away. */
    prepareDatabase(): Promise<void>
  }
}

const clockSyncMs = 30_000

/**
 * The connection to MongoDB. The client is made here and not by @fastify/mongodb, which would fail the boot while
 * the database is away: this one connects when it is first needed, and again whenever it has to.
 */
export default fp(
  async function mongo(app) {
    const client = createMongoClient(app.config.mongodbUri)
    await app.register(fastifyMongodb, { client, database: client.options.dbName })
    const { db } = app.mongo
    if (!db) throw new Error('the database has no name')
    const clock = createDatabaseClock(app.clock, async () => (await db.command({ hello: 1 })).localTime)
    const timer = setInterval(() => void clock.sync().catch(() => {}), clockSyncMs).unref()

    app.decorate('collections', createCollections(db))
    app.decorate('databaseClock', clock)
    app.decorate('prepareDatabase', async () => {
      // A first connection that failed leaves a client that refuses everything until it is told to connect again.
      await client.connect()
      await ensureIndexes(db)
      await clock.sync()
    })
    app.addHook('onClose', async () => {
      clearInterval(timer)
      await client.close()
    })
  },
  { name: 'mongo', fastify: '5.x' }
)
