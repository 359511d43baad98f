import { BSON, type Document } from 'mongodb'
import t from 'tap'
import { codeOf, ids, start } from './stand-in.ts'

t.test('unique › inserts, updates and upserts that race leave one document', async t => {
  const { rows } = await start(t)
  await rows.createIndex({ user: 1, service: 1 }, { unique: true })
  const inserts = await Promise.allSettled(
    Array.from({ length: 20 }, () => rows.insertOne({ user: 'u', service: 'gmail' }))
  )
  t.equal(inserts.filter(({ status }) => status === 'fulfilled').length, 1)
  const error = await rows.insertOne({ user: 'u', service: 'gmail' }).catch(reason => reason)
  t.match(error, {
    code: 11000,
    keyPattern: { user: 1, service: 1 },
    keyValue: { user: 'u', service: 'gmail' },
    message: /^E11000 duplicate key error collection: guichet.rows index: user_1_service_1 dup key: /
  })
  const upserts = await Promise.all(
    Array.from({ length: 20 }, () =>
      rows.updateOne({ user: 'v', service: 'gmail' }, { $inc: { n: 1 } }, { upsert: true })
    )
  )
  t.equal(upserts.filter(result => result.upsertedCount === 1).length, 1)
  t.match(await rows.findOne({ user: 'v' }), { n: 20 })
  t.equal(await codeOf(rows.updateOne({ user: 'v' }, { $set: { user: 'u' } })), 11000)
  t.equal(await codeOf(rows.findOneAndUpdate({ user: 'v' }, { $set: { user: 'u' } })), 11000)
  t.match(await rows.findOne({ user: 'v' }), { n: 20 }, 'and the refused change left no trace')
  await rows.deleteOne({ user: 'u' })
  await rows.insertOne({ user: 'u', service: 'gmail' })
  const taken = await rows.findOne({ user: 'u' })
  t.equal(await codeOf(rows.insertOne({ _id: taken?._id as never })), 11000, '_id')
})

t.test('unique › partial, sparse, array and null keys', async t => {
  const { db } = await start(t)
  const partial = db.collection('partial')
  await partial.createIndex({ n: 1 }, { unique: true, partialFilterExpression: { live: true } })
  await partial.insertMany([{ n: 1, live: true }, { n: 1 }, { n: 1 }])
  t.equal(await codeOf(partial.insertOne({ n: 1, live: true })), 11000)
  t.equal(await codeOf(partial.updateOne({ live: { $exists: false } }, { $set: { live: true } })), 11000)
  t.equal(await partial.countDocuments({ n: 1 }), 3, 'the index does not hide what it leaves out')
  t.equal(await partial.countDocuments({ n: 1, live: true }), 1)

  const sparse = db.collection('sparse')
  await sparse.createIndex({ n: 1 }, { unique: true, sparse: true })
  await sparse.insertMany([{}, {}, { n: null }])
  t.equal(await codeOf(sparse.insertOne({ n: null })), 11000)

  const arrays = db.collection('arrays')
  await arrays.createIndex({ tags: 1 }, { unique: true })
  await arrays.insertMany([{ tags: ['a', 'a', 'b'] }, {}])
  t.equal(await codeOf(arrays.insertOne({ tags: 'b' })), 11000)
  t.equal(await codeOf(arrays.insertOne({})), 11000, 'missing is null')
  t.equal(await arrays.countDocuments({ tags: 'b' }), 1)
})

t.test('partial › conditions on fields are kept, and those that MongoDB refuses are refused', async t => {
  const { db } = await start(t)
  const cases: [Document, Document, Document][] = [
    [{ dead: null }, { dead: null }, { dead: 'yes' }],
    [{ dead: null }, {}, { dead: 'yes' }],
    [{ held: { $exists: true } }, { held: null }, {}],
    [{ tries: { $gt: 3 } }, { tries: 4 }, { tries: 3 }],
    [{ state: { $in: ['a', 'b'] } }, { state: 'b' }, { state: 'c' }],
    [
      { a: 1, b: { $gte: 2 } },
      { a: 1, b: 2 },
      { a: 1, b: 1 }
    ]
  ]
  for (const [condition, inside, outside] of cases) {
    const rows = db.collection<Document>('partial')
    const name = JSON.stringify(condition)
    await rows.createIndex({ n: 1 }, { unique: true, partialFilterExpression: condition })
    await rows.insertMany([
      { n: 1, ...outside },
      { n: 1, ...outside },
      { n: 1, ...inside }
    ])
    t.equal(await codeOf(rows.insertOne({ n: 1, ...inside })), 11000, name)
    t.equal(await rows.countDocuments({ n: 1 }), 3, `${name}: hides nothing`)
    t.equal(await rows.countDocuments({ n: 1, ...condition }), 1, `${name}: serves its own`)
    t.match((await rows.indexes())[1], { partialFilterExpression: condition })
    await rows.drop()
  }
  for (const condition of [
    { a: { $ne: 1 } },
    { a: { $exists: false } },
    { a: /x/ },
    { a: { $not: { $gt: 1 } } },
    { $nor: [{ a: 1 }] }
  ])
    t.equal(
      await codeOf(db.collection('r').createIndex({ n: 1 }, { partialFilterExpression: condition })),
      67,
      JSON.stringify(condition)
    )
})

t.test('indexes › repeat, conflict, list and drop as on the server', async t => {
  const { rows, db } = await start(t)
  t.equal(await codeOf(rows.indexes()), 26)
  await rows.createIndex({ at: 1 }, { expireAfterSeconds: 60 })
  await rows.createIndex({ at: 1 }, { expireAfterSeconds: 60 })
  t.equal(await codeOf(rows.createIndex({ at: 1 }, { expireAfterSeconds: 61 })), 85)
  t.equal(await codeOf(rows.createIndex({ at: 1 }, { expireAfterSeconds: 60, name: 'other' })), 85)
  t.equal(await codeOf(rows.createIndex({ other: 1 }, { name: 'at_1' })), 86)
  t.same(await rows.indexes(), [
    { v: 2, key: { _id: 1 }, name: '_id_' },
    { v: 2, key: { at: 1 }, name: 'at_1', expireAfterSeconds: 60 }
  ])
  await rows.insertMany([{ d: 1 }, { d: 1 }])
  t.equal(await codeOf(rows.createIndex({ d: 1 }, { unique: true })), 11000)
  t.equal(await codeOf(rows.createIndexes([{ key: { e: 1 } }, { key: { d: 1 }, unique: true }])), 11000)
  t.equal((await rows.indexes()).length, 2, 'all of them or none')
  t.equal(await codeOf(rows.createIndex({ e: 1, d: 1 }, { expireAfterSeconds: 1 })), 67)
  t.equal(await codeOf(rows.dropIndex('_id_')), 72)
  await rows.dropIndex('at_1')
  t.equal(await codeOf(rows.dropIndex('at_1')), 27)
  t.equal((await rows.indexes()).length, 1)
  t.same(
    (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name),
    ['rows']
  )
  await rows.drop()
  await db.collection('gone').drop()
  t.same(await db.listCollections().toArray(), [])
  await db.dropDatabase()
})

t.test('indexes › answer as a scan does', async t => {
  const { rows } = await start(t)
  await rows.insertMany(
    Array.from({ length: 300 }, (_, n) => ({
      _id: n,
      a: n % 5,
      b: [n % 7, n % 2],
      c: n % 6 < 4 ? { d: n % 3 } : n % 6 === 4 ? { d: null } : {}
    })) as never[]
  )
  const filters: Document[] = [
    { a: 3 },
    { a: { $in: [1, 2, 9] }, b: 5 },
    { a: 3, b: { $gt: 4 } },
    { b: 1, 'c.d': 2 },
    { $and: [{ a: 1 }, { 'c.d': { $eq: 0 } }] },
    { _id: { $in: [1, 2, 1000] } },
    { a: BSON.Long.fromNumber(4), b: { $ne: 1 } },
    { a: { $in: [] } },
    { b: [1, 1] },
    { gone: null, a: 2 },
    { gone: null, 'c.d': null },
    { a: { $in: [null, 1] } },
    { a: 1, gone: { $exists: false } },
    { a: { $gt: 2 } },
    { a: { $gt: 3 } },
    { $and: [{ a: { $gt: 2 } }, { a: { $lt: 4 } }] },
    { 'c.d': { $exists: true } },
    { 'c.d': { $lte: 100 } },
    { 'c.d': { $not: { $gt: 100 } } },
    { $and: [{ 'c.d': { $gt: 0 } }, { a: { $gt: 0 } }] },
    { $or: [{ 'c.d': { $gt: 0 } }, { a: 1 }] }
  ]
  const scanned = await Promise.all(filters.map(filter => ids(rows, filter)))
  await rows.createIndexes([
    { key: { a: 1, b: -1 } },
    { key: { 'c.d': 1 } },
    { key: { b: 1, 'c.d': 1 } },
    { key: { gone: 1, a: 1 }, sparse: true },
    { key: { 'c.d': -1 }, sparse: true },
    { key: { a: 1 }, partialFilterExpression: { a: { $gt: 2 } } },
    { key: { gone: 1 }, partialFilterExpression: { a: { $gt: 2, $lt: 4 } } }
  ])
  await rows.updateMany({ a: 3 }, { $inc: { a: 10 } })
  await rows.updateMany({ a: 13 }, { $inc: { a: -10 } })
  for (const [i, filter] of filters.entries()) t.same(await ids(rows, filter), scanned[i], JSON.stringify(filter))
})

t.test('ttl › the sweep deletes what the clock says is expired', async t => {
  let nowMs = 100_000
  const { rows, mongo } = await start(t, { nowMs: () => nowMs })
  await rows.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })
  await rows.createIndex({ usedAt: 1 }, { expireAfterSeconds: 10 })
  await rows.insertMany([
    { _id: 1, expiresAt: new Date(101_000) },
    { _id: 2, usedAt: new Date(95_000) },
    { _id: 3, expiresAt: 5 },
    { _id: 4, expiresAt: [new Date(300_000), new Date(102_000)] }
  ] as never[])
  t.equal(mongo.sweepExpired(), 0)
  nowMs = 101_000
  t.equal(mongo.sweepExpired(), 1)
  t.same(await ids(rows, {}), [2, 3, 4])
  nowMs = 105_000
  t.equal(mongo.sweepExpired(), 2)
  t.same(await ids(rows, {}), [3], 'what holds no date never expires')
})

t.test('indexes › equality and what few documents have are looked up and not scanned', async t => {
  const { db, mongo } = await start(t)
  const rows = db.collection('many')
  await rows.createIndexes([
    { key: { user: 1, service: 1 } },
    { key: { dead: 1, at: 1 } },
    { key: { at: 1 }, partialFilterExpression: { held: { $exists: true } } },
    { key: { 'box.id': 1 }, sparse: true }
  ])
  await rows.insertMany(Array.from({ length: 1000 }, (_, n) => ({ user: n, service: 'x', dead: 'yes', at: n })))
  await rows.insertOne({ user: -1, service: 'x', at: -1, held: 5, box: [{ id: 7 }] })
  const entries = mongo.data.get('guichet')?.get('many')
  let looked = 0
  for (const { doc } of entries?.entries.values() ?? [])
    Object.defineProperty(doc, 'touched', { get: () => looked++, enumerable: true, configurable: true })
  const filters: Document[] = [
    { user: 5, service: 'x' },
    { dead: null },
    { held: { $exists: true }, at: { $lt: 0 } },
    { held: 5, at: -1 },
    { 'box.id': { $exists: true } },
    { $and: [{ 'box.id': { $exists: true } }] },
    // Fewer have one than are equal in what comes first.
    { dead: 'yes', 'box.id': { $lte: 9 } }
  ]
  for (const filter of filters) {
    looked = 0
    await rows
      .find({ touched: { $ne: 'x' }, ...filter })
      .project({ _id: 1 })
      .toArray()
    t.ok(looked <= 3, `${JSON.stringify(filter)} looked at ${looked}`)
  }
})
