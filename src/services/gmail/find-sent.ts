import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { hasCode } from '../../errors.ts'
import type { Gmail } from './client.ts'
import { ownIdHeader } from './compose.ts'
import type { SendRecord, Sent } from './idempotency.ts'

type Message = gmail_v1.Schema$Message

const userId = 'me'
/** Gmail may replace our Message-ID with its own; this header keeps ours in mails made by guichet. */
const metadataHeaders = ['Message-ID', ownIdHeader, 'Date']
const mostListed = 500
/** How many of the mails sent since are read, oldest first: apps ask about a send soon after it. Each costs 20 units. */
const mostRead = 50
const atOnce = 5
/** Clocks differ, and Gmail's search knows whole seconds. */
const earlierMs = 60_000

/**
 * The mail that a draft became, if Gmail's answer was lost: in its conversation, else among the mails
 * sent since. Undefined if Gmail has none.
 */
export async function findSent(
  gmail: Gmail,
  { messageId, date, threadId }: Pick<SendRecord, 'messageId' | 'date' | 'threadId'>
): Promise<Sent | undefined> {
  const isIt = (message: Message) => {
    const value = (name: string) => message.payload?.headers?.find(header => header.name?.toLowerCase() === name)?.value
    if (!message.labelIds?.includes('SENT')) return false
    if (value('message-id') === messageId) return true
    const ownId = value(ownIdHeader.toLowerCase())
    if (ownId !== undefined) return ownId === messageId
    // A draft that was written elsewhere has no id of ours: its Date is compared, to the second.
    return Math.floor(Date.parse(value('date') ?? '') / 1000) === Math.floor(date.getTime() / 1000)
  }

  if (threadId !== null) {
    const messages = await readThread(threadId)
    const found = messages.toReversed().find(isIt)
    if (found) return toSent(found)
  }
  const since = Math.floor((date.getTime() - earlierMs) / 1000)
  const byId = messageId === '' ? [] : [`rfc822msgid:${messageId}`]
  for (const q of [...byId, `after:${Math.max(0, since)}`]) {
    const { messages: listed = [] } = await gmail.call('messages.list', (users, options) =>
      users.messages.list({ userId, labelIds: ['SENT'], q, maxResults: mostListed }, options)
    )
    const ids = listed.flatMap(({ id }) => id ?? []).toReversed()
    for (let at = 0; at < Math.min(ids.length, mostRead); at += atOnce) {
      const messages = await Promise.all(ids.slice(at, at + atOnce).map(readMessage))
      const found = messages.find(message => message !== undefined && isIt(message))
      if (found) return toSent(found)
    }
  }
  return undefined

  async function readThread(id: string): Promise<Message[]> {
    const thread = await missing(
      gmail.call('threads.get', (users, options) =>
        users.threads.get({ userId, id, format: 'metadata', metadataHeaders }, options)
      )
    )
    return thread?.messages ?? []
  }
  function readMessage(id: string): Promise<Message | undefined> {
    return missing(
      gmail.call('messages.get', (users, options) =>
        users.messages.get({ userId, id, format: 'metadata', metadataHeaders }, options)
      )
    )
  }
}

/** @throws GuichetError `google_invalid_response` */
export function toSent({ id, threadId, labelIds }: Message): Sent {
  return { id: id ?? '', threadId: threadId ?? '', labelIds: labelIds ?? [] }
}

/** Undefined if Gmail does not have it. */
export async function missing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined
    throw error
  }
}
