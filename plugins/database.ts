import fastifyMongodb from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { createMongoClient } from '../src/database/client.ts'
import { createDatabase, type Database } from '../src/database/database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** For the plugins that build repositories. The doors do not see it, nor `mongo`: no route reaches a collection. */
    database: Database
  }
}

/**
 * The connection to MongoDB. The client is made here and not by @fastify/mongodb, which would fail the boot while
 * the database is away: this one connects when it is first needed, and again whenever it has to.
 */
export default fp(
  async function database(app) {
    const { mongodbUri } = app.config
    const client = createMongoClient(mongodbUri)
    await app.register(fastifyMongodb, { client, database: client.options.dbName })
    const { db } = app.mongo
    if (!db) throw new Error('the database has no name')
    const database = createDatabase(db, async work => {
      const patient = createMongoClient(mongodbUri, { socketTimeoutMS: 0 })
      await work(patient.db(client.options.dbName)).finally(() => patient.close())
    })
    app.decorate('database', database)
    app.readiness.require('database', {
      async prepare() {
        // After a first connection that failed, the client refuses everything until it is told to connect again.
        await client.connect()
        await database.ensureIndexes()
      },
      async probe() {
        await db.command({ ping: 1 })
      }
    })
    app.addHook('onClose', async () => {
      await client.close()
    })
  },
  { name: 'database', fastify: '5.x', dependencies: ['readiness'] }
)
