import { parseArgs } from 'node:util'
import { startEmbeddedMongo } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '27017' } } })
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port: not a port: ${values.port}`)
  process.exit(2)
}

try {
  const mongo = await startEmbeddedMongo({ port })
  console.log(mongo.uri)
  console.error('An in-memory stand-in for MongoDB, without authentication: everything in it is lost on exit.')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void mongo.close())
} catch (error) {
  console.error(`cannot listen on 127.0.0.1:${port}: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
