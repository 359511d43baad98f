import { PassThrough } from 'node:stream'
import { type EmbeddedMongo, startEmbeddedMongo } from '@guichet/embedded-mongo'
import { MongoNetworkError } from 'mongodb'
import type { Test } from 'tap'
import { build, type Environment } from '../helper.ts'

export type LogLine = Record<string, unknown>

/** The log as it is written; `line` resolves with the next line that has that event. */
export function createLog() {
  const stream = new PassThrough()
  const lines: LogLine[] = []
  let waiting: { event: string; resolve: (line: LogLine) => void }[] = []
  stream.on('data', chunk => {
    for (const text of String(chunk).trimEnd().split('\n')) {
      const line = JSON.parse(text) as LogLine
      lines.push(line)
      for (const { resolve } of waiting.filter(({ event }) => event === line.event)) resolve(line)
      waiting = waiting.filter(({ event }) => event !== line.event)
    }
  })
  return { stream, lines, line: (event: string) => new Promise<LogLine>(resolve => waiting.push({ event, resolve })) }
}

/** A database that a test can take away and bring back, on the same port with the same data. */
export async function startMortalDatabase(t: Test) {
  let mongo: EmbeddedMongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  return {
    uri: mongo.uri,
    data: mongo.data,
    /** As a crash: every connection drops, and new ones are refused. */
    stop: () => mongo.close(),
    start: async () => {
      mongo = await startEmbeddedMongo({ port: mongo.port, data: mongo.data })
    },
    /** As a server that no longer answers: connections stay open. */
    pause: () => mongo.pause(),
    resume: () => mongo.resume()
  }
}

export async function buildOverMortalDatabase(t: Test, environment: Environment = {}) {
  const database = await startMortalDatabase(t)
  const log = createLog()
  const world = await build(t, { environment: { MONGODB_URI: database.uri, ...environment }, logger: log })
  return { ...world, database, log }
}

/** Makes the next call of a driver's method fail like a network error; counts the calls. */
export function failNext<T extends object>(
  target: T,
  method: keyof T,
  error: Error = new MongoNetworkError('planted'),
  times = 1
) {
  const original = target[method]
  let left = times
  const fault = { hits: 0, remove: () => void Reflect.deleteProperty(target, method) }
  Object.defineProperty(target, method, {
    configurable: true,
    value: (...parameters: unknown[]) => {
      if (left <= 0) return (original as (...rest: unknown[]) => unknown).apply(target, parameters)
      left -= 1
      fault.hits += 1
      throw error
    }
  })
  return fault
}
