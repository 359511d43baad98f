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
    [{ a: { $type: 'string' } }, [4]],
    [{ a: { $type: ['number', 'null'] } }, [1, 2, 5]],
    [{ a: { $type: 'array' } }, [5]],
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
    [{ $nor: [{ a: 1 }, { a: null }] }, [4, 5]],
    [{ a: { $not: { $gt: 0 } } }, [2, 3, 4]],
    [{ s: { $in: [/^ab/i, ''] } }, [1, 2, 3]],
    [{ list: { $all: [1, 3] } }, [1]],
    [{ docs: { $elemMatch: { k: 'x', n: 9 } } }, [3]],
    [{ list: { $elemMatch: { $gt: 2, $lt: 4 } } }, [1]],
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

t.test('find › $slice and $elemMatch in a projection, and what is stored stays as it is', async t => {
  const { rows } = await start(t)
  const doc = {
    _id: 1 as never,
    list: [1, 2, 3],
    docs: [
      { k: 1, n: 1 },
      { k: 2, n: 2 }
    ]
  }
  await rows.insertOne(doc)
  t.same(await rows.findOne({}, { projection: { list: { $slice: -2 }, _id: 1 } }), { _id: 1, list: [2, 3] })
  t.same(await rows.findOne({}, { projection: { docs: { $elemMatch: { k: 2 } } } }), { _id: 1, docs: [{ k: 2, n: 2 }] })
  t.same(await rows.findOne({}, { projection: { 'docs.n': 0, list: 0 } }), { _id: 1, docs: [{ k: 1 }, { k: 2 }] })
  t.same(await rows.findOne({}, { projection: { _id: 1, docs: 0, list: 0 } }), { _id: 1 })
  t.same(await rows.findOne({}, { projection: { _id: 1 } }), { _id: 1 })
  t.same(await rows.findOne({}, { projection: { _id: 0, absent: 1 } }), {})
  t.equal(await codeOf(rows.findOne({}, { projection: { docs: 1, 'docs.k': 1 } })), 31249)
  t.same(await rows.findOne({}), doc)
})

t.test('aggregate › $match, $group, $sort, $limit, $project and $count', async t => {
  const { rows } = await start(t)
  await rows.insertMany([
    { _id: 1, k: 'a', n: 1, tags: ['x', 'y'] },
    { _id: 2, k: 'b', n: 2, tags: ['x'] },
    { _id: 3, k: 'a', n: 4, tags: [] }
  ] as never[])
  const run = (...stages: Document[]) => rows.aggregate(stages).toArray()
  const total = { $group: { _id: '$k', n: { $sum: '$n' }, most: { $max: '$n' }, count: { $sum: 1 } } }
  t.same(await run(total, { $sort: { _id: 1 } }), [
    { _id: 'a', n: 5, most: 4, count: 2 },
    { _id: 'b', n: 2, most: 2, count: 1 }
  ])
  t.same(await run({ $match: { n: { $gt: 1 } } }, { $count: 'found' }), [{ found: 2 }])
  t.same(await run({ $match: { n: 9 } }, { $count: 'found' }), [])
  t.same(await run({ $group: { _id: { k: '$k' }, ns: { $push: '$n' } } }, { $sort: { ns: -1 } }, { $limit: 1 }), [
    { _id: { k: 'a' }, ns: [1, 4] }
  ])
  t.same(await run({ $group: { _id: null, n: { $avg: '$n' }, none: { $min: '$x' } } }), [
    { _id: null, n: 7 / 3, none: null }
  ])
  t.same(await run({ $sort: { n: -1 } }, { $skip: 1 }, { $project: { _id: 0, n: 1 } }), [{ n: 2 }, { n: 1 }])
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
