import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { PlannedFault } from './faults.ts'
import type { Reply } from './http.ts'

/** Sends what `process` answers, spoilt by the fault if there is one. `process` is called at most once. */
export async function deliver(
  response: ServerResponse,
  planned: PlannedFault | undefined,
  process: () => Reply
): Promise<void> {
  if (!planned) return send(response, process())
  const { fault, released } = planned
  if ('hang' in fault || 'delayUntil' in fault) {
    const gate =
      'hang' in fault ? released : typeof fault.delayUntil === 'function' ? fault.delayUntil() : fault.delayUntil
    const when = fault.when ?? ('hang' in fault ? 'before' : 'after')
    const early = when === 'after' ? process() : undefined
    // The answer comes whichever way the promise goes.
    await gate.then(
      () => undefined,
      () => undefined
    )
    // The client is gone: a request that was not processed yet never will be.
    if (response.destroyed) return
    return send(response, early ?? process())
  }
  if ('reset' in fault) {
    if (fault.when === 'after') process()
    response.socket?.resetAndDestroy()
    return
  }
  if ('resetBeforeRead' in fault || 'hangBeforeRead' in fault) {
    response.socket?.resetAndDestroy()
    return
  }
  if ('redirectTo' in fault) {
    return send(response, {
      status: fault.redirectStatus ?? 302,
      headers: { location: fault.redirectTo },
      body: ''
    })
  }
  if ('endless' in fault) return stream(response, forever())
  if ('huge' in fault) return stream(response, padded(fault.huge))
  if ('gzipBomb' in fault) {
    response.setHeader('content-encoding', 'gzip')
    return stream(response, padded(fault.gzipBomb), true)
  }
  if ('status' in fault) {
    if (fault.when === 'after') process()
    const { body = '', contentType = typeof body === 'string' ? 'text/plain' : 'application/json' } = fault
    return send(response, {
      status: fault.status,
      headers: { 'content-type': contentType, ...fault.headers },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    })
  }
  const reply = process()
  if ('addHeaders' in fault) return send(response, { ...reply, headers: { ...reply.headers, ...fault.addHeaders } })
  const whole = toWhole(reply)
  if ('mutate' in fault) {
    return send(response, { ...whole, body: JSON.stringify(fault.mutate(JSON.parse(whole.body))) ?? '' })
  }
  if ('raw' in fault) {
    return send(response, { ...whole, body: typeof fault.raw === 'string' ? fault.raw : fault.raw(whole.body) })
  }
  if ('cutAt' in fault) return cut(response, whole, fault.cutAt)
  if ('trailing' in fault) {
    const { socket } = response
    response.once('finish', () => socket?.write(fault.trailing))
    return send(response, reply)
  }
  return drip(response, whole, fault.drip)
}

function toWhole({ stream, ...reply }: Reply): Reply {
  return stream ? { ...reply, body: Buffer.concat([...stream()]).toString() } : reply
}

/** The head and so many bytes, and then the connection is gone. */
function cut(response: ServerResponse, reply: Reply, bytes: number): void {
  const body = Buffer.from(reply.body)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) })
  response.write(body.subarray(0, bytes), () => response.socket?.resetAndDestroy())
}

async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if (reply.stream) {
    response.writeHead(reply.status, reply.headers)
    // A reader who goes away ends it: that is no fault of the fake.
    await pipeline(Readable.from(reply.stream()), response).catch(() => undefined)
    return
  }
  const body = Buffer.from(reply.body)
  const length = reply.status === 204 ? {} : { 'content-length': String(body.length) }
  response.writeHead(reply.status, { ...reply.headers, ...length })
  response.end(body)
}

function drip(response: ServerResponse, reply: Reply, msPerByte: number): void {
  const body = Buffer.from(reply.body)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) })
  response.flushHeaders()
  let position = 0
  const timer = setInterval(() => {
    response.write(body.subarray(position, position + 1))
    position += 1
    if (position < body.length) return
    clearInterval(timer)
    response.end()
  }, msPerByte)
  response.once('close', () => clearInterval(timer))
}

async function stream(response: ServerResponse, body: Iterable<Buffer>, gzip = false): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' })
  const source = Readable.from(body)
  // A client that gives up ends the pipeline with an error: that is what the fault is for.
  await (gzip ? pipeline(source, createGzip(), response) : pipeline(source, response)).catch(() => undefined)
}

const BLOCK = Buffer.alloc(65_536, 'a')

function* forever(): Iterable<Buffer> {
  yield Buffer.from('{"padding":"')
  for (;;) yield BLOCK
}

function* padded(bytes: number): Iterable<Buffer> {
  const head = Buffer.from('{"padding":"')
  const tail = Buffer.from('"}')
  yield head
  let left = Math.max(0, bytes - head.length - tail.length)
  for (; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length))
  yield tail
}
