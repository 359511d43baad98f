import { once } from 'node:events'
import { connect } from 'node:net'
import fastifyMongo from '@fastify/mongodb'
import Fastify from 'fastify'
import { BSON, type Collection, type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb'
import t, { type Test } from 'tap'
import { crc32c } from '../../src/dev/embedded-mongo/crc32c.ts'
import { type EmbeddedMongoOptions, startEmbeddedMongo } from '../../src/dev/embedded-mongo/server.ts'

async function start(t: Test, options: EmbeddedMongoOptions = {}, clientOptions: MongoClientOptions = {}) {
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
async function ids(rows: Collection<Document>, filter: Document): Promise<unknown[]> {
  return (await rows.find(filter).sort({ _id: 1 }).toArray()).map(row => row._id)
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    error => (error instanceof MongoServerError ? error.code : error)
  )

t.test('refusals › unsupported commands, options and operators are errors, never ignored', async t => {
  const { db, rows, client } = await start(t)
  await t.rejects(db.command({ mapReduce: 'rows' }), {
    code: 59,
    codeName: 'CommandNotFound',
    message: 'command not supported by the embedded stand-in: mapReduce'
  })
  await rows.insertOne({ _id: 1 as never, list: [1] })
  for (const [what, attempt] of [
    ['collation', () => rows.find({}, { collation: { locale: 'fr', strength: 1 } }).toArray()],
    ['arrayFilters', () => rows.updateOne({}, { $set: { 'list.$[x]': 1 } }, { arrayFilters: [{ x: 1 }] })],
    ['let', () => rows.find({ $expr: { $eq: ['$_id', '$$x'] } }, { let: { x: 1 } }).toArray()],
    ['positional update', () => rows.updateOne({ list: 1 }, { $set: { 'list.$': 2 } })],
    ['index collation', () => rows.createIndex({ a: 1 }, { collation: { locale: 'fr' } })],
    ['text index', () => rows.createIndex({ a: 'text' })],
    ['$where', () => rows.findOne({ $where: 'true' })]
  ] as const) {
    t.equal(await codeOf(attempt()), 238, what)
  }
  for (const [filter, code] of [
    [{ a: { $near: 1 } }, 2],
    [{ $foo: 1 }, 2],
    [{ a: { $in: 1 } }, 2],
    [{ $expr: { $foo: 1 } }, 168]
  ] as const) {
    t.equal(await codeOf(rows.findOne(filter as Document)), code, JSON.stringify(filter))
  }
  t.equal(await codeOf(rows.updateOne({}, { $foo: { a: 1 } })), 9)
  t.equal(await codeOf(rows.aggregate([{ $lookup: { from: 'x', as: 'y' } }]).toArray()), 40324)
  t.equal(
    await codeOf(
      client
        .db()
        .collection('none')
        .findOne({ a: { $foo: 1 } })
    ),
    2,
    'though no collection exists'
  )

  const session = client.startSession()
  session.startTransaction()
  // The driver puts an error of its own around the server's 20.
  t.match(await rows.insertOne({ a: 1 }, { session }).catch(error => error), { originalError: { code: 20 } })
  await session.abortTransaction().catch(() => {})
  await session.endSession()
})

t.test('handshake › the driver with its defaults and @fastify/mongodb connect and write', async t => {
  const mongo = await startEmbeddedMongo()
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
    await mongo.close()
  })
  await app.register(fastifyMongo, { url: mongo.uri, forceClose: true })
  const { db, ObjectId } = app.mongo
  t.equal(db?.databaseName, 'guichet')
  t.same(await db?.command({ ping: 1 }), { ok: 1 })
  const inserted = await db?.collection('rows').insertOne({ a: 1 })
  t.ok(inserted?.insertedId instanceof ObjectId)
  t.match(await db?.admin().buildInfo(), { version: /^7\./ })
})

t.test('types › every BSON type comes back as it was sent', async t => {
  const { rows } = await start(t)
  const sent = {
    _id: new BSON.ObjectId(),
    int: new BSON.Int32(5),
    whole: new BSON.Double(5),
    real: new BSON.Double(5.5),
    minusZero: new BSON.Double(-0),
    millis: new BSON.Double(1_700_000_000_000),
    long: BSON.Long.fromString('9007199254740993'),
    smallLong: BSON.Long.fromNumber(7),
    decimal: BSON.Decimal128.fromString('1.10'),
    date: new Date(0),
    binary: new BSON.Binary(Buffer.from([0, 1, 255]), 0),
    uuid: new BSON.UUID('22ff81a8-72eb-4521-91cb-f0b27d85e948'),
    regex: new BSON.BSONRegExp('^a', 'i'),
    timestamp: new BSON.Timestamp({ t: 1, i: 2 }),
    nothing: null,
    nested: { empty: {}, list: [[], { a: [new BSON.Double(1)] }] },
    min: new BSON.MinKey()
  }
  await rows.insertOne(sent)
  await rows.updateOne({}, { $set: { touched: true }, $unset: { absent: 1 } })
  await rows.updateOne({}, [{ $set: { copy: '$whole', copies: ['$long'] } }])
  const options = { promoteValues: false, bsonRegExp: true } as const
  const got = await rows.findOne({}, options)
  const { touched, copy, copies, ...rest } = got as Document
  t.equal(BSON.EJSON.stringify(rest, { relaxed: false }), BSON.EJSON.stringify(sent, { relaxed: false }))
  t.same([touched, copy, copies], [true, sent.whole, [sent.long]])

  t.ok(await rows.findOne({ binary: new BSON.Binary(Buffer.from([0, 1, 255])) }), 'binary by value')
  t.ok(await rows.findOne({ whole: 5, smallLong: 7, int: BSON.Long.fromNumber(5) }), 'numbers across types')
  t.notOk(await rows.findOne({ long: 9007199254740992 }), 'int64 is not rounded')
  t.same(await ids(rows, { whole: { $type: 'double' }, int: { $type: 'int' }, smallLong: { $type: 'long' } }), [
    sent._id
  ])
})

t.test('inc › int32 grows into int64 and a double stays a double', async t => {
  const { rows } = await start(t)
  await rows.insertOne({ int: 2147483647, long: BSON.Long.fromString('9007199254740992'), real: new BSON.Double(1) })
  await rows.updateOne({}, { $inc: { int: 1, long: 1, real: 1, fresh: 1 } })
  const row = await rows.findOne({}, { promoteValues: false })
  t.same(row?.int, BSON.Long.fromNumber(2147483648))
  t.equal(String(row?.long), '9007199254740993')
  t.same(row?.real, new BSON.Double(2))
  t.same(row?.fresh, new BSON.Int32(1))
  await rows.updateOne({}, { $set: { text: 'x' } })
  t.equal(await codeOf(rows.updateOne({}, { $inc: { text: 1 } })), 14)
})

t.test('filter › operators match as MongoDB does', async t => {
  const { rows } = await start(t)
  await rows.insertMany([
    {
      _id: 1,
      a: 1,
      s: 'abc',
      list: [1, 2, 3],
      docs: [
        { k: 'x', n: 1 },
        { k: 'y', n: 9 }
      ]
    },
    { _id: 2, a: null, s: 'ABD', list: [], deep: { er: { v: 5 } } },
    { _id: 3, s: '', list: [7], docs: [{ k: 'x', n: 9 }] },
    { _id: 4, a: '1', when: new Date(1000), flag: false },
    { _id: 5, a: [4, 5], constructorName: true }
  ] as never[])
  const cases: [Document, unknown[]][] = [
    [{ a: null }, [2, 3]],
    [{ a: { $exists: false } }, [3]],
    [{ a: { $ne: null } }, [1, 4, 5]],
    [{ a: { $in: [1, null] } }, [1, 2, 3]],
    [{ a: { $nin: [1, null] } }, [4, 5]],
    [{ a: { $gt: 0 } }, [1, 5]],
    [{ a: { $gte: 4, $lte: 4 } }, [5]],
    [{ when: { $lt: 5000 } }, []],
    [{ when: { $lt: new Date(5000) } }, [4]],
    [{ a: { $not: { $gt: 1 } } }, [1, 2, 3, 4]],
    [{ a: { $type: 'string' } }, [4]],
    [{ a: { $type: ['number', 'null'] } }, [1, 2, 5]],
    [{ a: { $type: 'array' } }, [5]],
    [{ a: [4, 5] }, [5]],
    [{ s: /^ab/i }, [1, 2]],
    [{ s: { $regex: '^ab', $options: 'i' } }, [1, 2]],
    [{ s: { $not: /^a/ } }, [2, 3, 4, 5]],
    [{ list: 2 }, [1]],
    [{ 'list.0': 7 }, [3]],
    [{ list: { $size: 0 } }, [2]],
    [{ list: { $all: [1, 3] } }, [1]],
    [{ list: { $elemMatch: { $gt: 2, $lt: 5 } } }, [1]],
    [{ docs: { $elemMatch: { k: 'x', n: { $gt: 5 } } } }, [3]],
    [{ 'docs.k': 'x', 'docs.n': 9 }, [1, 3]],
    [{ 'deep.er.v': 5 }, [2]],
    [{ deep: { er: { v: 5 } } }, [2]],
    [{ 'deep.er.w': null, deep: { $exists: true } }, [2]],
    [{ $or: [{ a: 1 }, { flag: false }] }, [1, 4]],
    [{ $nor: [{ a: 1 }, { s: '' }] }, [2, 4, 5]],
    [{ $and: [{ list: 1 }, { s: 'abc' }] }, [1]],
    [{ list: { $mod: [7, 0] } }, [3]],
    [{ constructor: { $exists: true } }, []],
    [{ $expr: { $lt: ['$when', '$$NOW'] } }, [1, 2, 3, 4, 5]],
    [{ $expr: { $gt: ['$a', 100] } }, [4, 5]]
  ]
  for (const [filter, wanted] of cases) t.same(await ids(rows, filter), wanted, BSON.EJSON.stringify(filter))
})

t.test('find › sort, skip, limit, projection and cursors', async t => {
  const { rows } = await start(t)
  await rows.insertMany(
    Array.from({ length: 250 }, (_, n) => ({ _id: n, mod: n % 3, deep: { a: n, b: [n, { c: 1, d: 2 }] } })) as never[]
  )
  t.same(
    (await rows.find({ mod: 1 }).sort({ _id: -1 }).skip(1).limit(2).toArray()).map(({ _id }) => _id as unknown),
    [244, 241]
  )
  t.equal((await rows.find({}, { batchSize: 7 }).toArray()).length, 250)
  t.equal((await rows.find({}).toArray()).length, 250, 'past the first batch of 101')
  t.equal((await rows.find({}, { singleBatch: true, batchSize: 3 }).toArray()).length, 3)
  t.same(await rows.findOne({ _id: 2 as never }, { projection: { 'deep.a': 1 } }), { _id: 2, deep: { a: 2 } })
  t.same(await rows.findOne({ _id: 2 as never }, { projection: { _id: 0, 'deep.b.c': 0 } }), {
    mod: 2,
    deep: { a: 2, b: [2, { d: 2 }] }
  })
  t.same(await rows.findOne({ _id: 2 as never }, { projection: { _id: 1, twice: { $add: ['$_id', '$_id'] } } }), {
    _id: 2,
    twice: 4
  })
  t.equal(await codeOf(rows.findOne({}, { projection: { a: 1, b: 0 } })), 31254)
  t.equal(await codeOf(rows.findOne({}, { projection: { a: 0, b: '$c' } })), 31253)
  const mixed = rows.db.collection('mixed')
  await mixed.insertMany([
    { v: new Date(0) },
    { v: 'a' },
    { v: 2 },
    {},
    { v: true },
    { v: [9, 1] },
    { v: null },
    { v: { a: 1 } }
  ])
  const sorted = await mixed.find().sort({ v: 1 }).project({ _id: 0, v: 1 }).toArray()
  t.same(
    sorted.map(({ v }) => v),
    [undefined, null, [9, 1], 2, 'a', { a: 1 }, true, new Date(0)]
  )
  const cursor = rows.find({}, { batchSize: 2 })
  await cursor.next()
  await cursor.close()
  t.equal(await codeOf(rows.db.command({ getMore: BSON.Long.fromNumber(99999), collection: 'rows' })), 43)
})

t.test('update › operators change what they name and nothing else', async t => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z')
  const { rows } = await start(t, { nowMs: () => nowMs })
  const cases: [Document, Document, Document][] = [
    [{ a: { b: 1 } }, { $set: { 'a.c': 2, 'x.y': 3 } }, { a: { b: 1, c: 2 }, x: { y: 3 } }],
    [{ a: 1, b: 2 }, { $unset: { a: '' } }, { b: 2 }],
    [{ a: 1 }, { $rename: { a: 'b.c' } }, { b: { c: 1 } }],
    [{ a: 5 }, { $min: { a: 3 }, $max: { b: 7 } }, { a: 3, b: 7 }],
    [{ a: [1] }, { $push: { a: 2, b: 'x' } }, { a: [1, 2], b: ['x'] }],
    [{ a: [3, 1] }, { $push: { a: { $each: [2, 9], $sort: 1, $slice: -3 } } }, { a: [2, 3, 9] }],
    [{ a: [{ n: 2 }] }, { $push: { a: { $each: [{ n: 1 }], $sort: { n: 1 } } } }, { a: [{ n: 1 }, { n: 2 }] }],
    [{ a: [1] }, { $addToSet: { a: { $each: [1, 2, 2] } } }, { a: [1, 2] }],
    [{ a: [1, 2, 3] }, { $pull: { a: { $gte: 2 } } }, { a: [1] }],
    [{ a: [{ k: 1, v: 1 }, { k: 2 }] }, { $pull: { a: { k: 1 } } }, { a: [{ k: 2 }] }],
    [{ a: [1, 2, 1] }, { $pullAll: { a: [1] }, $pop: { b: 1 } }, { a: [2] }],
    [{ a: [1, 2] }, { $set: { 'a.3': 4 } }, { a: [1, 2, null, 4] }],
    [{}, { $currentDate: { at: true }, $setOnInsert: { no: 1 } }, { at: new Date(nowMs) }],
    [{ a: 1 }, { $set: { text: '$$NOW' } }, { a: 1, text: '$$NOW' }]
  ]
  for (const [before, change, after] of cases) {
    await rows.deleteMany({})
    await rows.insertOne({ _id: 'x' as never, ...before })
    await rows.updateOne({ _id: 'x' as never }, change)
    t.same(await rows.findOne({}), { _id: 'x', ...after }, JSON.stringify(change))
  }
  t.match(await rows.updateOne({}, { $set: { _id: 'x', a: 1 } }), { matchedCount: 1, modifiedCount: 0 }, 'the same _id')
  t.equal(await codeOf(rows.updateOne({}, { $set: { _id: 'y' } })), 66)
  t.equal(await codeOf(rows.replaceOne({}, { _id: 'y' })), 66)
  t.equal(await codeOf(rows.updateOne({}, { $set: { a: 1 }, $inc: { 'a.b': 1 } })), 40)
  t.equal(await codeOf(rows.updateOne({}, { $set: { 'a.b': 1 } })), 28, 'a is a number')
  t.equal(await codeOf(rows.updateOne({}, { $push: { a: 1 } } as Document)), 2)
  await rows.replaceOne({}, { fresh: true })
  t.same(await rows.findOne({}), { _id: 'x', fresh: true })
})

t.test('upsert › takes the equalities of the query, and an id when there is none', async t => {
  const { rows } = await start(t)
  const result = await rows.updateOne(
    { user: 'u', 'account.sub': { $eq: 's' }, n: { $gt: 3 } },
    { $set: { a: 1 }, $setOnInsert: { made: true } },
    { upsert: true }
  )
  t.ok(result.upsertedId instanceof BSON.ObjectId)
  t.match(await rows.findOne({}), { user: 'u', account: { sub: 's' }, a: 1, made: true, n: undefined })
  await rows.replaceOne({ _id: 'given' as never }, { b: 1 }, { upsert: true })
  t.same(await rows.findOne({ b: 1 }), { _id: 'given', b: 1 })
  await rows.updateOne({ _id: 'piped' as never }, [{ $set: { n: { $add: [{ $ifNull: ['$n', 0] }, 1] } } }], {
    upsert: true
  })
  t.same(await rows.findOne({ n: 1 }), { _id: 'piped', n: 1 })
})

t.test('pipeline update › leases and lists are computed on the server clock', async t => {
  let nowMs = 1_000_000
  const { rows } = await start(t, { nowMs: () => nowMs })
  await rows.insertOne({ _id: 'c' as never, lease: null, log: [1, 2, 3], note: { keep: 1 } })
  const take = (owner: string) =>
    rows.findOneAndUpdate(
      { _id: 'c' as never, $expr: { $lt: ['$lease.until', '$$NOW'] } },
      [{ $set: { lease: { owner, until: { $dateAdd: { startDate: '$$NOW', unit: 'second', amount: 20 } } } } }],
      { returnDocument: 'after' }
    )
  t.same((await take('a'))?.lease, { owner: 'a', until: new Date(nowMs + 20_000) }, 'missing is before every date')
  nowMs += 19_000
  t.equal(await take('b'), null)
  nowMs += 1_001
  t.equal((await take('b'))?.lease.owner, 'b')

  await rows.updateOne({}, [
    {
      $set: {
        log: {
          $slice: [
            { $concatArrays: [{ $filter: { input: '$log', cond: { $gt: ['$$this', 1] } } }, [{ $literal: '$x' }]] },
            -2
          ]
        },
        kind: { $cond: [{ $and: [{ $eq: ['$note.keep', 1] }, { $not: ['$gone'] }] }, 'yes', 'no'] },
        later: { $add: ['$$NOW', 1000] },
        'note.more': { $ifNull: ['$nope', 'none'] },
        owner: { $toUpper: '$lease.owner' },
        text: { $concat: ['a', { $toLower: '$nope' }, '$$ROOT._id'] }
      }
    },
    { $unset: ['lease', 'note.keep'] }
  ])
  t.same(await rows.findOne({}), {
    _id: 'c',
    log: [3, '$x'],
    kind: 'yes',
    later: new Date(nowMs + 1000),
    note: { more: 'none' },
    owner: 'B',
    text: 'ac'
  })
  t.equal(await codeOf(rows.updateOne({}, [{ $match: {} }] as never)), 72)
  t.equal(await codeOf(rows.updateOne({}, [{ $set: { _id: 'other' } }])), 66)
})

t.test('findAndModify › two clients race and one wins', async t => {
  const { mongo, rows } = await start(t)
  const other = new MongoClient(mongo.uri)
  t.teardown(() => other.close())
  const theirs = other.db().collection<Document>('rows')
  await rows.insertOne({ _id: 'flow' as never, used: false })
  const attempts = Array.from({ length: 40 }, (_, i) =>
    (i % 2 ? rows : theirs).findOneAndUpdate({ _id: 'flow' as never, used: false }, { $set: { used: true, by: i } })
  )
  const won = (await Promise.all(attempts)).filter(row => row !== null)
  t.equal(won.length, 1)
  t.equal(won[0]?.used, false, 'the document before the update')
})

t.test('findAndModify › sort, fields, remove and upsert', async t => {
  const { rows } = await start(t)
  await rows.insertMany([
    { _id: 1, n: 1 },
    { _id: 2, n: 2 }
  ] as never[])
  t.same(
    await rows.findOneAndUpdate(
      {},
      { $inc: { n: 10 } },
      { sort: { n: -1 }, projection: { n: 1, _id: 0 }, returnDocument: 'after' }
    ),
    { n: 12 }
  )
  t.same(await rows.findOneAndDelete({ n: 1 }), { _id: 1, n: 1 })
  t.equal(await rows.findOneAndDelete({ n: 1 }), null)
  t.equal(
    await rows.findOneAndUpdate({ _id: 9 as never }, { $set: { n: 0 } }, { upsert: true, returnDocument: 'before' }),
    null
  )
  const full = await rows.findOneAndReplace(
    { _id: 8 as never },
    { z: 1 },
    { upsert: true, returnDocument: 'after', includeResultMetadata: true }
  )
  t.match(full, { value: { _id: 8, z: 1 }, lastErrorObject: { n: 1, updatedExisting: false, upserted: 8 } })
})

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
    message:
      'E11000 duplicate key error collection: guichet.rows index: user_1_service_1 dup key: { user: "u", service: "gmail" }'
  })
  const upserts = await Promise.all(
    Array.from({ length: 20 }, () =>
      rows.updateOne({ user: 'v', service: 'gmail' }, { $inc: { n: 1 } }, { upsert: true })
    )
  )
  t.equal(upserts.filter(result => result.upsertedCount === 1).length, 1)
  t.match(await rows.findOne({ user: 'v' }), { n: 20 })
  t.equal(await codeOf(rows.updateOne({ user: 'v' }, { $set: { user: 'u' } })), 11000)
  t.equal(await codeOf(rows.findOneAndUpdate({ user: 'v' }, [{ $set: { user: 'u' } }])), 11000)
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

t.test('batches › ordered stops at the first error, unordered goes on', async t => {
  const { rows } = await start(t)
  const docs = [{ _id: 1 }, { _id: 1 }, { _id: 2 }] as never[]
  const ordered = await rows.insertMany(docs).catch(error => error)
  t.match(ordered, { code: 11000, result: { insertedCount: 1 } })
  t.same(await ids(rows, {}), [1])
  await rows.deleteMany({})
  const unordered = await rows.insertMany(docs, { ordered: false }).catch(error => error)
  t.match(unordered, { code: 11000, result: { insertedCount: 2 }, writeErrors: [{ index: 1 }] })
  t.same(await ids(rows, {}), [1, 2])
  t.match(await rows.updateMany({}, { $set: { a: 1 } }), { matchedCount: 2, modifiedCount: 2 })
  t.match(await rows.updateMany({}, { $set: { a: 1 } }), { matchedCount: 2, modifiedCount: 0 })
  t.match(await rows.deleteMany({ a: 1 }), { deletedCount: 2 })
  t.match(await rows.insertOne({ _id: 3 as never }, { writeConcern: { w: 0 } }), { acknowledged: false })
  t.same(await ids(rows, {}), [3], 'an unacknowledged write came before')
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
  t.equal(await codeOf(rows.createIndex({ e: 1 }, { partialFilterExpression: { e: { $ne: 1 } } })), 67)
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
    Array.from({ length: 300 }, (_, n) => ({ _id: n, a: n % 5, b: [n % 7, n % 2], c: { d: n % 3 } })) as never[]
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
    { b: [1, 1] }
  ]
  const scanned = await Promise.all(filters.map(filter => ids(rows, filter)))
  await rows.createIndexes([{ key: { a: 1, b: -1 } }, { key: { 'c.d': 1 } }, { key: { b: 1, 'c.d': 1 } }])
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

t.test('aggregate › counts, groups and reshapes', async t => {
  const { rows } = await start(t)
  await rows.insertMany([
    { _id: 1, k: 'a', n: 1, tags: ['x', 'y'] },
    { _id: 2, k: 'b', n: 2, tags: [] },
    { _id: 3, k: 'a', n: 4 }
  ] as never[])
  t.equal(await rows.countDocuments({ k: 'a' }), 2)
  t.equal(await rows.estimatedDocumentCount(), 3)
  t.equal(await rows.countDocuments({}, { skip: 1, limit: 1 }), 1)
  t.same((await rows.distinct('tags')).sort(), ['x', 'y'])
  const groups = [
    { $group: { _id: '$k', sum: { $sum: '$n' }, max: { $max: '$n' }, all: { $push: '$_id' } } },
    { $sort: { _id: 1 } }
  ]
  t.same(await rows.aggregate(groups).toArray(), [
    { _id: 'a', sum: 5, max: 4, all: [1, 3] },
    { _id: 'b', sum: 2, max: 2, all: [2] }
  ])
  t.same(await rows.aggregate([{ $unwind: '$tags' }, { $project: { _id: 0, t: '$tags' } }]).toArray(), [
    { t: 'x' },
    { t: 'y' }
  ])
  t.same(
    await rows.aggregate([{ $match: { n: { $gt: 1 } } }, { $skip: 1 }, { $limit: 5 }, { $count: 'left' }]).toArray(),
    [{ left: 1 }]
  )
})

t.test('isolation › a caller cannot reach into the store', async t => {
  const { rows } = await start(t)
  const doc = { _id: 'x' as never, list: [1] }
  await rows.insertOne(doc)
  doc.list.push(2)
  const found = await rows.findOne({})
  found?.list.push(3)
  t.same(await rows.findOne({}), { _id: 'x', list: [1] })
})

function frame(opCode: number, body: Buffer, length = body.length + 16): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(length, 0)
  header.writeInt32LE(1, 4)
  header.writeInt32LE(opCode, 12)
  return Buffer.concat([header, body])
}

const msg = (doc: Document, flags = 0): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32LE(flags, 0)
  return frame(2013, Buffer.concat([head, BSON.serialize(doc)]))
}

t.test('wire › malformed frames close their connection and leave the server up', async t => {
  const { mongo, rows } = await start(t)
  const ping = BSON.serialize({ ping: 1, $db: 'x' })
  const frames: [string, Buffer][] = [
    ['length below a header', frame(2013, Buffer.alloc(8), 3)],
    ['length past the limit', frame(2013, Buffer.alloc(8), 0x7fffffff)],
    ['negative length', frame(2013, Buffer.alloc(8), -1)],
    ['unknown opcode', frame(2006, Buffer.alloc(32))],
    ['no section', frame(2013, Buffer.alloc(4))],
    ['required flag unknown', msg({ ping: 1, $db: 'x' }, 8)],
    ['bad section kind', frame(2013, Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), ping]))],
    ['document past the end', frame(2013, Buffer.concat([Buffer.alloc(5), ping.subarray(0, -3)]))],
    ['section past the end', frame(2013, Buffer.from([0, 0, 0, 0, 1, 255, 255, 0, 0, 97, 0]))],
    ['empty section length', frame(2013, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0, 97, 0]))],
    ['wrong checksum', frame(2013, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), ping, Buffer.alloc(4)]))],
    ['garbage', Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')],
    [
      'garbage BSON',
      frame(2013, Buffer.concat([Buffer.alloc(5), Buffer.from([12, 0, 0, 0, 99, 97, 0, 1, 2, 3, 4, 0])]))
    ],
    ['unterminated OP_QUERY', frame(2004, Buffer.from([0, 0, 0, 0, 97, 98]))]
  ]
  for (const [what, bytes] of frames) {
    const socket = connect(mongo.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    socket.resume()
    await once(socket, 'close')
    t.pass(what)
  }
  t.equal(await rows.countDocuments(), 0)
})

t.test('wire › byte by byte, with a checksum, and the legacy hello are answered', async t => {
  const { mongo } = await start(t)
  const ask = async (chunks: Iterable<Buffer>): Promise<Buffer> => {
    const socket = connect(mongo.port, '127.0.0.1')
    socket.setNoDelay(true)
    for (const chunk of chunks) socket.write(chunk)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return answer
  }
  const whole = msg({ ping: 1, $db: 'admin' })
  const bytes = [...whole].map(byte => Buffer.from([byte]))
  t.same(BSON.deserialize((await ask(bytes)).subarray(21)), { ok: 1 })

  const checked = Buffer.concat([msg({ ping: 1, $db: 'admin' }, 1), Buffer.alloc(4)])
  checked.writeInt32LE(checked.length, 0)
  checked.writeUInt32LE(crc32c(checked.subarray(0, -4)), checked.length - 4)
  t.same(BSON.deserialize((await ask([checked])).subarray(21)), { ok: 1 })
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'the published check value')

  const query = (name: string) =>
    frame(
      2004,
      Buffer.concat([Buffer.alloc(4), Buffer.from('admin.$cmd\0'), Buffer.alloc(8, 255), BSON.serialize({ [name]: 1 })])
    )
  t.match(BSON.deserialize((await ask([query('isMaster')])).subarray(36)), {
    ismaster: true,
    maxWireVersion: 21,
    ok: 1
  })
  t.match(BSON.deserialize((await ask([query('listDatabases')])).subarray(36)), { ok: 0, code: 352 })
})

t.test('faults › MongoDB goes away and comes back with its data', async t => {
  const first = await startEmbeddedMongo()
  const client = new MongoClient(first.uri, { serverSelectionTimeoutMS: 150, heartbeatFrequencyMS: 500 })
  t.teardown(() => client.close())
  const rows = client.db().collection<Document>('rows')
  await rows.createIndex({ u: 1 }, { unique: true })
  await rows.insertOne({ u: 1 })
  await first.close()
  await first.close()
  await t.rejects(rows.findOne({}), { name: /Mongo.*Error/ })
  const second = await startEmbeddedMongo({ port: first.port, data: first.data })
  t.teardown(() => second.close())
  const again = new MongoClient(second.uri)
  t.teardown(() => again.close())
  const theirs = again.db().collection<Document>('rows')
  t.match(await theirs.findOne({}), { u: 1 })
  t.equal(await codeOf(theirs.insertOne({ u: 1 })), 11000, 'indexes are kept too')
})

t.test('faults › a paused server answers nothing until it resumes', async t => {
  const { mongo, client, rows } = await start(t, {}, { monitorCommands: true })
  await rows.insertOne({ n: 0 })
  const impatient = new MongoClient(mongo.uri, { socketTimeoutMS: 50, retryReads: false })
  t.teardown(() => impatient.close())
  await impatient.connect()
  mongo.pause()
  const answered: string[] = []
  client.on('commandSucceeded', ({ commandName }) => answered.push(commandName))
  const held = rows.updateOne({}, { $inc: { n: 1 } })
  await t.rejects(impatient.db().collection('rows').findOne({}), { name: 'MongoNetworkTimeoutError' })
  const socket = connect(mongo.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  t.same(answered, [], 'though connections are still accepted')
  mongo.resume()
  t.match(await held, { modifiedCount: 1 })
  t.match(await rows.findOne({}), { n: 1 })
})
