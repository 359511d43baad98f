import { BSON, type Document, MongoClient } from 'mongodb'
import t from 'tap'
import { codeOf, ids, start } from './stand-in.ts'

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
  const options = { promoteValues: false, bsonRegExp: true } as const
  const got = await rows.findOne({}, options)
  const { touched, ...rest } = got as Document
  t.equal(BSON.EJSON.stringify(rest, { relaxed: false }), BSON.EJSON.stringify(sent, { relaxed: false }))
  t.equal(touched, true)

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

t.test('update › operators change what they name and nothing else', async t => {
  const { rows } = await start(t)
  const cases: [Document, Document, Document][] = [
    [{ a: { b: 1 } }, { $set: { 'a.c': 2, 'x.y': 3 } }, { a: { b: 1, c: 2 }, x: { y: 3 } }],
    [{ a: 1, b: 2 }, { $unset: { a: '' } }, { b: 2 }],
    [{ a: 5 }, { $min: { a: 3 }, $max: { b: 7 } }, { a: 3, b: 7 }],
    [{ a: [1] }, { $push: { a: 2, b: 'x' } }, { a: [1, 2], b: ['x'] }],
    [{ a: [3, 1] }, { $push: { a: { $each: [2, 9], $slice: -3 } } }, { a: [1, 2, 9] }],
    [{ a: [3, 1] }, { $push: { a: { $each: [2], $slice: 1 } } }, { a: [3] }],
    [{ a: [3, 1] }, { $push: { a: { $each: [2], $slice: 0 } } }, { a: [] }],
    [{ a: [1, 2, 3] }, { $pull: { a: { $gte: 2 } } }, { a: [1] }],
    [{ a: [{ k: 1, v: 1 }, { k: 2 }] }, { $pull: { a: { k: 1 } } }, { a: [{ k: 2 }] }],
    [{ a: [{ k: 1 }, { k: 2 }, { k: 3 }] }, { $pull: { a: { k: { $in: [1, 3] } } } }, { a: [{ k: 2 }] }],
    [{ a: [1, 2, 1] }, { $pull: { a: { $in: [1] }, b: 1 } }, { a: [2] }],
    [{ a: 1 }, { $setOnInsert: { no: 1 } }, { a: 1 }],
    [{ a: 1 }, { $unset: { 'a.b': '', 'c.d': '' } }, { a: 1 }],
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
  t.equal(await codeOf(rows.replaceOne({ _id: 'x' as never }, { _id: 'y' }, { upsert: true })), 66)
  t.equal(await codeOf(rows.updateOne({ a: 5, 'a.b': 1 }, { $set: { c: 1 } }, { upsert: true })), 28)
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
