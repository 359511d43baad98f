import fastifyMongodb from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { MongoClient } from 'mongodb'
import type { Clock } from '../src/clock.ts'
import { ConfigError } from '../src/config.ts'
import { type Collections, createCollections, ensureIndexes } from '../src/database.ts'
import { createDatabaseClock } from '../src/database-clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    collections: Collections
    /** The database's time: what is stored is compared with nothing else. */
    databaseClock: Clock
    /** Makes the indexes and compares the clocks; rejects while the database is away. */
    prepareDatabase(): Promise<void>
  }
}

const serverSelectionTimeoutMS = 3_000
/** The driver repeats an operation once when its connection fails: both together stay under 5 s. */
const socketTimeoutMS = 2_400
const clockSyncMs = 30_000

/**
 * The connection to MongoDB. The client is made here and not by @fastify/mongodb, which would fail the boot while
 * the database is away: this one connects when it is first needed, and again whenever it has to.
 */
export default fp(
  async function mongo(app) {
    const client = createClient(app.config.mongodbUri)
    await app.register(fastifyMongodb, { client, database: client.options.dbName })
    const { db } = app.mongo
    if (!db) throw new Error('the database has no name')
    const clock = createDatabaseClock(app.clock, async () => (await db.command({ hello: 1 })).localTime)
    const timer = setInterval(() => void clock.sync(), clockSyncMs).unref()

    app.decorate('collections', createCollections(db))
    app.decorate('databaseClock', clock)
    app.decorate('prepareDatabase', async () => {
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

function createClient(uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'guichet',
      serverSelectionTimeoutMS,
      connectTimeoutMS: serverSelectionTimeoutMS,
      waitQueueTimeoutMS: serverSelectionTimeoutMS,
      socketTimeoutMS,
      // An answer says "stored" only when a change of primary cannot take it back.
      writeConcern: { w: 'majority' }
    })
  } catch {
    // The driver's message may quote the string, password and all.
    throw new ConfigError([{ variable: 'MONGODB_URI', problem: 'is not a connection string that the driver accepts' }])
  }
}
