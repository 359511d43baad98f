import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { createBatchedFind, createBatchedInsert } from '../../src/database/batches.ts'
import { isDatabaseUnavailable, isDuplicateKey } from '../../src/database/errors.ts'
import { startMortalDatabase } from './database.ts'

interface Sheet {
  _id: number
  live: boolean
}

/** A collection of numbered records, the even ones live, and the commands that reached it. */
async function numbered(t: Test, count: number) {
  const database = await startMortalDatabase(t)
  const client = new MongoClient(database.uri, { monitorCommands: true, serverSelectionTimeoutMS: 200 })
  t.teardown(() => client.close())
  const collection = client.db().collection<Sheet>('sheets')
  await collection.insertMany(Array.from({ length: count }, (_, _id) => ({ _id, live: _id % 2 === 0 })))
  const commands: string[] = []
  client.on('commandStarted', ({ commandName }) => commands.push(commandName))
  return { database, collection, commands }
}

t.test('batched find › several in one turn › one command, and each gets its own record or none', async t => {
  const { collection, commands } = await numbered(t, 10)
  const find = createBatchedFind(collection, { live: true })
  const found = await Promise.all([4, 3, 99, 4, 0].map(find))
  t.same(
    found.map(record => record?._id),
    [4, undefined, undefined, 4, 0]
  )
  t.same(commands, ['find'])
  t.same(await find(6), { _id: 6, live: true }, 'alone')
  t.equal(await find(5), null, 'alone, and not live')
})

t.test('batched find › more than one command holds › all are answered', async t => {
  const { collection, commands } = await numbered(t, 250)
  const find = createBatchedFind(collection)
  const together = await Promise.all(Array.from({ length: 250 }, (_, id) => find(id)))
  t.same(
    together.map(record => record?._id),
    Array.from({ length: 250 }, (_, id) => id)
  )
  t.same(commands, ['find', 'find', 'find'])
})

t.test('batched find › after a write was answered › sees it, with any number of callers', async t => {
  const { collection } = await numbered(t, 4)
  const find = createBatchedFind(collection)
  for (let round = 0; round < 20; round++) {
    const before = find(1)
    await collection.updateOne({ _id: 1 }, { $set: { live: round % 2 === 0 } })
    t.equal((await find(1))?.live, round % 2 === 0)
    await before
  }
})

t.test('batched find and insert › the database is down › each caller gets the error', async t => {
  const { collection, database } = await numbered(t, 4)
  await database.stop()
  const [find, insert] = [createBatchedFind(collection), createBatchedInsert(collection)]
  const outcomes = await Promise.allSettled([
    ...[1, 2, 3].map(find),
    ...[11, 12].map(_id => insert({ _id, live: true }))
  ])
  for (const outcome of outcomes) t.ok(outcome.status === 'rejected' && isDatabaseUnavailable(outcome.reason))
})

t.test('batched insert › one of them exists already › only that one is refused', async t => {
  const { collection, commands } = await numbered(t, 3)
  const insert = createBatchedInsert(collection)
  const outcomes = await Promise.allSettled([7, 1, 8].map(_id => insert({ _id, live: true })))
  t.same(
    outcomes.map(outcome => (outcome.status === 'rejected' ? isDuplicateKey(outcome.reason) : 'inserted')),
    ['inserted', true, 'inserted']
  )
  t.equal(commands[0], 'insert')
  t.equal(await collection.countDocuments(), 5)
  await t.rejects(insert({ _id: 7, live: true }), { code: 11000 }, 'alone')
})
