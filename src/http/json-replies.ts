import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

const json = 'application/json; charset=utf-8'

/** A page up to this size is sent when it is complete, with what it cost in its headers; a larger one as it comes. */
const wholeUpTo = 4 * 1024 * 1024

/** Sends `{items, nextPageToken}` whose items are still to come: of a page of large mails a few are held at a time. */
export async function sendItems(
  reply: FastifyReply,
  items: AsyncIterable<unknown>,
  nextPageToken: string | null
): Promise<never> {
  reply.type(json)
  const text = toJson(items, nextPageToken)
  const head: string[] = []
  for (let length = 0; length <= wholeUpTo; ) {
    const { done, value } = await text.next()
    if (done) return reply.send(head.join('')) as never
    head.push(value)
    length += value.length
  }
  return reply.send(Readable.from(andThen(head, text))) as never
}

/** Sends JSON that is written already, as it is. `never` for the compiler: a route's schema describes what is in it. */
export async function sendJson(reply: FastifyReply, body: Buffer | AsyncIterable<Uint8Array>): Promise<never> {
  return reply.type(json).send(Buffer.isBuffer(body) ? body : Readable.from(body)) as never
}

async function* toJson(items: AsyncIterable<unknown>, nextPageToken: string | null): AsyncGenerator<string, void> {
  let separator = '{"items":['
  for await (const item of items) {
    yield separator + JSON.stringify(item)
    separator = ','
  }
  yield `${separator === ',' ? '' : separator}],"nextPageToken":${JSON.stringify(nextPageToken)}}`
}

async function* andThen(head: readonly string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* head
  yield* rest
}
