import { Readable } from 'node:stream'
import { setImmediate as breathe } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'

const json = 'application/json; charset=utf-8'

/** A page up to this size is sent when it is complete, with what it cost in its headers; a larger one as it comes. */
const wholeUpTo = 4 * 1024 * 1024

/** Characters that are written as JSON in one turn of the event loop. */
const pieceLength = 256 * 1024

interface Bodies {
  text: string | null
  html: string | null
}

/** Sends a mail, a draft or a conversation; a large one in pieces, for its JSON would take as long as all other requests may wait. */
export async function sendMail<View extends Bodies | { message: Bodies } | { messages: Bodies[] }>(
  reply: FastifyReply,
  view: View
): Promise<View> {
  const mails: Bodies[] = 'messages' in view ? view.messages : ['message' in view ? view.message : view]
  const length = mails.reduce((sum, { text, html }) => sum + (text?.length ?? 0) + (html?.length ?? 0), 0)
  if (length <= pieceLength) return view
  return reply.type(json).send(Readable.from(inPieces(view))) as never
}

/** The same text as of JSON.stringify, with a turn of the event loop between its pieces. */
export async function* inPieces(value: unknown): AsyncGenerator<string, void> {
  if (typeof value === 'string' && value.length > pieceLength) {
    let mark = '"'
    for (let at = 0, end = 0; at < value.length; at = end) {
      end = at + pieceLength
      // Both halves of a character stay together.
      if (isHighHalf(value.charCodeAt(end - 1))) end++
      yield mark + JSON.stringify(value.slice(at, end)).slice(1, -1)
      mark = ''
      await breathe()
    }
    yield '"'
  } else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      yield at === 0 ? '[' : ','
      yield* inPieces(item ?? null)
    }
    yield value.length === 0 ? '[]' : ']'
  } else if (
    typeof value === 'object' &&
    value !== null &&
    ('text' in value || 'messages' in value || 'message' in value)
  ) {
    yield* members(value)
  } else yield JSON.stringify(value)
}

async function* members(value: object): AsyncGenerator<string, void> {
  let separator = '{'
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    yield `${separator}${JSON.stringify(name)}:`
    yield* inPieces(member)
    separator = ','
  }
  yield separator === '{' ? '{}' : '}'
}

const isHighHalf = (code: number) => code >= 0xd800 && code <= 0xdbff

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
    yield separator
    yield* inPieces(item)
    separator = ','
  }
  yield `${separator === ',' ? '' : separator}],"nextPageToken":${JSON.stringify(nextPageToken)}}`
}

async function* andThen(head: readonly string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* head
  yield* rest
}
