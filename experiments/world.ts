import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { type FakeGoogle, startFakeGoogle } from '@guichet/fake-google'
import type { MongoClient } from 'mongodb'
import { createBackendKeys, operations } from '../src/backend/keys.ts'
import { createMongoClient } from '../src/database/client.ts'
import { createDatabase } from '../src/database/database.ts'
import { type Collections, collectionsOf, type Environment, testEnvironment } from '../test/helper.ts'
import { createFolder } from './leftovers.ts'
import { type ServerProcess, startServer } from './servers.ts'

/** A database, a Google and as many real servers as an experiment starts. */
export interface World {
  google: FakeGoogle
  /** Straight into the database, past every server. */
  collections: Collections
  environment: Environment
  /** The header of a backend that may do everything. */
  backend: Record<string, string>
  /** Whether the database is the stand-in, whose clock `advance` moves. */
  embedded: boolean
  /** Moves the clocks of Google and of the stand-in; servers that start from here on see it. */
  advance(ms: number): void
  start(overrides?: Environment, connections?: number): Promise<ServerProcess>
  /** kill -9 for every server, those that are starting too. */
  killAll(): Promise<void>
  close(): Promise<void>
}

export async function createWorld(overrides: Environment = {}): Promise<World> {
  let aheadMs = 0
  const nowMs = () => Date.now() + aheadMs
  const google = await startFakeGoogle({ nowMs })
  const database = await openDatabase(nowMs)
  const { client } = database
  const collections = collectionsOf({ database: createDatabase(client.db()) })
  // Compiled once for all the processes: they start in half the time.
  const cache = createFolder('figures')
  const environment = {
    ...testEnvironment(database.uri, google),
    RATE_LIMIT_KEY: '0',
    LOG_LEVEL: 'fatal',
    NODE_COMPILE_CACHE: cache,
    ...overrides
  }
  const keys = createBackendKeys({ collection: collections.backendKeys, clock: { nowMs } })
  const { key } = await keys.create({ name: 'figures', operations: [...operations], services: null, expiresAt: null })
  const servers: Promise<ServerProcess>[] = []
  const killAll = async () => {
    await Promise.allSettled(servers.map(async server => (await server).kill()))
  }

  return {
    google,
    collections,
    environment,
    backend: { authorization: `Bearer ${key}` },
    embedded: database.embedded,
    advance: ms => {
      aheadMs += ms
    },
    start(more = {}, connections) {
      const server = startServer({ ...environment, ...more }, connections)
      servers.push(server)
      return server
    },
    killAll,
    async close() {
      await killAll()
      await database.close()
      await google.close()
    }
  }
}

/** A database of its own: in the MongoDB that MONGODB_URI names, else in the stand-in. */
async function openDatabase(
  nowMs: () => number
): Promise<{ uri: string; client: MongoClient; embedded: boolean; close(): Promise<void> }> {
  const given = process.env.MONGODB_URI
  if (!given) {
    const mongo = await startEmbeddedMongo({ nowMs })
    const client = createMongoClient(mongo.uri)
    return {
      uri: mongo.uri,
      client,
      embedded: true,
      close: async () => {
        await client.close()
        await mongo.close()
      }
    }
  }
  const url = new URL(given)
  url.pathname = `/guichet_figures_${process.pid}`
  // What fills and drops a large database waits longer than a request may.
  const client = createMongoClient(url.href, { socketTimeoutMS: 0 })
  return {
    uri: url.href,
    client,
    embedded: false,
    close: async () => {
      await client.db().dropDatabase()
      await client.close()
    }
  }
}

/** Runs an experiment in a world of its own, and always removes it afterwards. */
export async function inWorld<T>(work: (world: World) => Promise<T>, overrides?: Environment): Promise<T> {
  const world = await createWorld(overrides)
  try {
    return await work(world)
  } finally {
    await world.close()
  }
}
