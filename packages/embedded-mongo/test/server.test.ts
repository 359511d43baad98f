import { once } from 'node:events'
import { connect } from 'node:net'
import fastifyMongo from '@fastify/mongodb'
import Fastify from 'fastify'
import { BSON, type Document, MongoClient } from 'mongodb'
import t from 'tap'
import { startEmbeddedMongo } from '../src/server.ts'
import { codeOf, start } from './stand-in.ts'

t.test('refusals › unsupported commands, options and operators are errors, never ignored', async t => {
  const { db, rows, client } = await start(t)
  await t.rejects(db.command({ mapReduce: 'rows' }), {
    code: 59,
    message: 'command not supported by the embedded stand-in: mapReduce'
  })
  await rows.insertOne({ _id: 1 as never, list: [1] })
  for (const [what, attempt] of [
    ['collation', () => rows.find({}, { collation: { locale: 'fr', strength: 1 } }).toArray()],
    ['let', () => rows.find({}, { let: { x: 1 } }).toArray()],
    ['index collation', () => rows.createIndex({ a: 1 }, { collation: { locale: 'fr' } })],
    ['text index', () => rows.createIndex({ a: 'text' })],
    ['$where', () => rows.findOne({ $where: 'true' })],
    ['$expr', () => rows.findOne({ $expr: { $eq: ['$_id', 1] } })],
    ['$foo', () => rows.findOne({ a: { $foo: 1 } })],
    ['$foo without a field', () => rows.findOne({ $foo: 1 })],
    ['$foo though no collection exists', () => db.collection('none').findOne({ a: { $foo: 1 } })],
    ['an unknown type', () => rows.findOne({ a: { $type: 'decimal' } })],
    ['a comparison with a type that is only stored', () => rows.findOne({ a: new BSON.MinKey() })],
    ['a range from a list', () => rows.findOne({ a: { $gt: [1] } })],
    ['a range from NaN', () => rows.findOne({ a: { $gt: Number.NaN } })],
    ['an update by a pipeline', () => rows.updateOne({}, [{ $set: { at: '$$NOW' } }])],
    ['a computed projection', () => rows.findOne({}, { projection: { twice: { $add: ['$_id', '$_id'] } } })],
    ['a sort by text score', () => rows.find({}, { sort: { a: { $meta: 'textScore' } } }).toArray()],
    ['a stage', () => rows.aggregate([{ $lookup: { from: 'x', as: 'y' } }]).toArray()],
    ['groups', () => rows.aggregate([{ $group: { _id: '$a', n: { $sum: 1 } } }]).toArray()],
    ['a sum', () => rows.aggregate([{ $group: { _id: 1, n: { $sum: '$a' } } }]).toArray()],
    ['a count in another order', () => rows.aggregate([{ $limit: 1 }, { $skip: 1 }]).toArray()],
    ['a sort by a list', () => rows.find({}).sort({ list: 1 }).toArray()],
    ['an update of elements', () => rows.updateOne({}, { $set: { 'list.$[]': 1 } })],
    ['a clause of $push', () => rows.updateOne({}, { $push: { list: { $each: [1], $slice: 1 } } } as Document)],
    ['a partial index on $or', () => rows.createIndex({ a: 1 }, { partialFilterExpression: { $or: [{ a: 1 }] } })],
    ['$jsonSchema', () => rows.findOne({ $jsonSchema: {} })],
    ['$elemMatch', () => rows.findOne({ list: { $elemMatch: { $gt: 0 } } })],
    ['an unknown operator in $not', () => rows.findOne({ list: { $not: { $foo: 0 } } })],
    ['an unknown operator in $pull', () => rows.updateOne({}, { $pull: { list: { $foo: 1 } } } as Document)],
    ['$currentDate', () => rows.updateOne({}, { $currentDate: { at: true } })],
    ['a range from null', () => rows.findOne({ a: { $gte: null } })],
    ['dropIndexes by key', () => db.command({ dropIndexes: 'rows', index: { a: 1 } })]
  ] as const) {
    t.equal(await codeOf(attempt()), 238, what)
  }
  for (const [filter, code] of [
    [{ a: { $in: 1 } }, 2],
    [{ a: { $size: -1 } }, 2],
    [{ a: { $regex: '(' } }, 2],
    [{ a: { $regex: 'a', $options: 'g' } }, 2],
    [{ a: { $not: 5 } }, 2],
    [{ $or: [] }, 2]
  ] as const) {
    t.equal(await codeOf(rows.findOne(filter as Document)), code, JSON.stringify(filter))
  }
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
    ['a checksum', frame(2013, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), ping, Buffer.alloc(4)]))],
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

t.test('wire › byte by byte and the legacy hello are answered', async t => {
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
