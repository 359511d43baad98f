import { BSON, type Document } from 'mongodb'
import t from 'tap'
import { codeOf, ids, start } from './stand-in.ts'

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
    [{ a: [4, 5] }, [5]],
    [{ s: /^ab/i }, [1, 2]],
    [{ s: { $regex: '^ab', $options: 'i' } }, [1, 2]],
    [{ list: 2 }, [1]],
    [{ 'list.0': 7 }, [3]],
    [{ list: { $size: 0 } }, [2]],
    [{ 'docs.k': 'x', 'docs.n': 9 }, [1, 3]],
    [{ 'deep.er.v': 5 }, [2]],
    [{ deep: { er: { v: 5 } } }, [2]],
    [{ 'deep.er.w': null, deep: { $exists: true } }, [2]],
    [{ $or: [{ a: 1 }, { flag: false }] }, [1, 4]],
    [{ $and: [{ list: 1 }, { s: 'abc' }] }, [1]],
    [{ constructor: { $exists: true } }, []],
    [{ a: { $not: { $gt: 0 } } }, [2, 3, 4]],
    [{ s: { $not: /^ab/i } }, [3, 4, 5]],
    [{ s: { $in: [/^ab/i, ''] } }, [1, 2, 3]],
    [{ docs: { n: 9, k: 'x' } }, []],
    [{ docs: { k: 'x', n: 9 } }, [3]],
    [{ 'docs.absent': null }, [1, 2, 3, 4, 5]]
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
  t.equal(await codeOf(rows.findOne({}, { projection: { a: 1, b: 0 } })), 31254)
  t.equal(await codeOf(rows.findOne({}, { projection: { a: 0, b: 1 } })), 31253)
  const mixed = rows.db.collection('mixed')
  await mixed.insertMany([{ v: new Date(0) }, { v: 'a' }, { v: 2 }, {}, { v: true }, { v: null }])
  const sorted = await mixed.find().sort({ v: 1 }).project({ _id: 0, v: 1 }).toArray()
  t.same(
    sorted.map(({ v }) => v),
    [undefined, null, 2, 'a', true, new Date(0)]
  )
  const cursor = rows.find({}, { batchSize: 2 })
  await cursor.next()
  await cursor.close()
  t.equal(await codeOf(rows.db.command({ getMore: BSON.Long.fromNumber(99999), collection: 'rows' })), 43)
})

t.test('projection › keeps or leaves out the named fields, and the stored document is unchanged', async t => {
  const { rows } = await start(t)
  const docs = [
    { k: 1, n: 1 },
    { k: 2, n: 2 }
  ]
  const doc = { _id: 1 as never, list: [1, 2, 3], docs }
  await rows.insertOne(doc)
  t.same(await rows.findOne({}, { projection: { 'docs.n': 1 } }), { _id: 1, docs: [{ n: 1 }, { n: 2 }] })
  t.same(await rows.findOne({}, { projection: { 'docs.n': 0, list: 0 } }), { _id: 1, docs: [{ k: 1 }, { k: 2 }] })
  t.same(await rows.findOne({}, { projection: { _id: 1, docs: 0, list: 0 } }), { _id: 1 })
  t.same(await rows.findOne({}, { projection: { _id: 1 } }), { _id: 1 })
  t.same(await rows.findOne({}, { projection: { _id: 0, absent: 1 } }), {})
  t.equal(await codeOf(rows.findOne({}, { projection: { docs: 1, 'docs.k': 1 } })), 31249)
  t.same(await rows.findOne({}), doc)
})

t.test('count › countDocuments, estimates and distinct values', async t => {
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
