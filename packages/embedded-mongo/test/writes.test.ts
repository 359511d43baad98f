import { BSON, type Document, MongoClient } from 'mongodb'
import t from 'tap'
import { codeOf, ids, start } from './stand-in.ts'

t.test('types › values read back › are those written, with the numbers of JavaScript', async t => {
  const { rows } = await start(t)
  const sent = {
    _id: new BSON.ObjectId(),
    int: 5,
    real: 5.5,
    minusZero: -0,
    millis: 1_700_000_000_000,
    long: 2 ** 40,
    date: new Date(0),
    binary: new BSON.Binary(Buffer.from([0, 1, 255]), 0),
    uuid: new BSON.UUID('22ff81a8-72eb-4521-91cb-f0b27d85e948'),
    regex: /^a/i,
    nothing: null,
    nested: { empty: {}, list: [[], { a: [1] }] }
  }
  await rows.insertOne(sent)
  await rows.updateOne({}, { $set: { touched: true }, $unset: { absent: 1 } })
  const { touched, ...rest } = (await rows.findOne({}, { promoteBuffers: false })) as Document
  t.equal(BSON.EJSON.stringify(rest, { relaxed: false }), BSON.EJSON.stringify(sent, { relaxed: false }))
  t.equal(touched, true)
  t.equal(await codeOf(rows.findOne({ binary: sent.binary })), 238, 'binaries are stored and not compared')
  t.ok(await rows.findOne({ int: BSON.Long.fromNumber(5), real: new BSON.Double(5.5) }), 'numbers across types')
  for (const value of [
    BSON.Long.MAX_VALUE,
    BSON.Decimal128.fromString('1.10'),
    new BSON.MinKey(),
    new BSON.Timestamp(1n)
  ]) {
    t.equal(await codeOf(rows.insertOne({ value })), 238, `${value._bsontype}: no JavaScript number or value`)
  }
})

t.test('update › operators change what they name and nothing else', async t => {
  const { rows } = await start(t)
  const cases: [Document, Document, Document][] = [
    [{ a: { b: 1 } }, { $set: { 'a.c': 2, 'x.y': 3 } }, { a: { b: 1, c: 2 }, x: { y: 3 } }],
    [{ a: 1, b: 2 }, { $unset: { a: '' } }, { b: 2 }],
    [{ a: 5 }, { $min: { a: 3 }, $max: { b: 7 } }, { a: 3, b: 7 }],
    [{ a: [1] }, { $push: { a: 2, b: 'x' } }, { a: [1, 2], b: ['x'] }],
    [{ a: [1] }, { $push: { a: { $each: [2, 3] }, b: { $each: [] } } }, { a: [1, 2, 3], b: [] }],
    [{ a: [1, 2, 3] }, { $pull: { a: { $gte: 2 } } }, { a: [1] }],
    [{ a: [{ k: 1, v: 1 }, { k: 2 }] }, { $pull: { a: { k: 1 } } }, { a: [{ k: 2 }] }],
    [{ a: [{ k: 1 }, { k: 2 }, { k: 3 }] }, { $pull: { a: { k: { $in: [1, 3] } } } }, { a: [{ k: 2 }] }],
    [{ a: [1, 2, 1] }, { $pull: { a: { $in: [1] }, b: 1 } }, { a: [2] }],
    [{ a: 1 }, { $setOnInsert: { no: 1 } }, { a: 1 }],
    [{ a: 1 }, { $unset: { 'a.b': '', 'c.d': '' } }, { a: 1 }],
    [{ a: 1 }, { $set: { text: '$$NOW' } }, { a: 1, text: '$$NOW' }],
    [{ a: [1, null, { k: 1 }] }, { $pull: { a: { k: 1 } } }, { a: [1, null] }],
    [{ a: ['ab', 'c'] }, { $pull: { a: /^a/ } }, { a: ['c'] }],
    [{ a: [1, 2] }, { $set: { 'a.1': 5 } }, { a: [1, 5] }],
    [{ a: { n: 1 } }, { $set: { a: { n: 2, o: 1 } }, $inc: { count: 1 } }, { a: { n: 2, o: 1 }, count: 1 }],
    [{ at: new Date(5) }, { $max: { at: new Date(9) }, $min: { low: 1 } }, { at: new Date(9), low: 1 }]
  ]
  for (const [before, change, after] of cases) {
    await rows.deleteMany({})
    await rows.insertOne({ _id: 'x' as never, ...before })
    await rows.updateOne({ _id: 'x' as never }, change)
    t.same(await rows.findOne({}), { _id: 'x', ...after }, JSON.stringify(change))
  }
  t.match(await rows.updateOne({}, { $set: { _id: 'x' } }), { matchedCount: 1, modifiedCount: 0 }, 'the same _id')
  t.equal(await codeOf(rows.updateOne({}, { $set: { _id: 'y' } })), 66)
  t.equal(await codeOf(rows.replaceOne({}, { _id: 'y' })), 66)
  t.equal(await codeOf(rows.updateOne({}, { $set: { a: 1 }, $inc: { 'a.b': 1 } })), 40)
  for (const [update, code] of [
    [{ $push: { a: 1 } }, 2],
    [{ $pull: { a: 1 } }, 2],
    [{ $inc: { b: 1 } }, 14],
    [{ $inc: { a: 'x' } }, 14],
    [{ $set: { 'none.x': 1 } }, 28],
    [{ $set: { 'a.b': 1 } }, 28],
    [{ $push: { list: { $each: 1 } } }, 2],
    [{ $set: { a: 1, 'a.b': 1 } }, 40]
  ] as const) {
    await rows.replaceOne({}, { a: 1, b: 'text', none: null })
    t.equal(await codeOf(rows.updateOne({}, update as Document)), code, JSON.stringify(update))
    t.same(await rows.findOne({}), { _id: 'x', a: 1, b: 'text', none: null }, 'and left as it was')
  }
  await rows.replaceOne({}, { fresh: true })
  t.same(await rows.findOne({}), { _id: 'x', fresh: true })
})

t.test('update › a document with its fields in another order is another document', async t => {
  const { rows } = await start(t)
  await rows.insertOne({ _id: 1 as never, a: { b: 1, c: 2 } })
  t.match(await rows.updateOne({}, { $set: { a: { c: 2, b: 1 } } }), { modifiedCount: 1 })
  t.equal(await rows.countDocuments({ a: { c: 2, b: 1 } }), 1)
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
