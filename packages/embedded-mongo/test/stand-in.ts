import { type Collection, type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb'
import type { Test } from 'tap'
import { type EmbeddedMongoOptions, startEmbeddedMongo } from '../src/server.ts'

export async function start(t: Test, options: EmbeddedMongoOptions = {}, clientOptions: MongoClientOptions = {}) {
  const mongo = await startEmbeddedMongo(options)
  const client = new MongoClient(mongo.uri, clientOptions)
  t.teardown(async () => {
    mongo.resume()
    await client.close()
    await mongo.close()
  })
  await client.connect()
  const rows = client.db().collection<Document>('rows')
  return { mongo, client, db: client.db(), rows }
}

/** The ids that a filter finds, in order: most query tests need no more. */
export async function ids(rows: Collection<Document>, filter: Document): Promise<unknown[]> {
  return (await rows.find(filter).sort({ _id: 1 }).toArray()).map(row => row._id)
}

export const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    error => (error instanceof MongoServerError ? error.code : error)
  )
