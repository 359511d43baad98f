import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { hasCode } from '../../errors.ts'
import type { Gmail } from './client.ts'
import type { SendRecord, Sent } from './idempotency.ts'

type Message = gmail_v1.Schema$Message

const userId = 'me'
/** Gmail may put a Message-ID of its own in place of ours, and says so here. */
const metadataHeaders = ['Message-ID', 'X-Google-Original-Message-ID', 'Date']
const newest = 10

/**
 * The mail that a draft has become, when nobody heard Gmail's answer: in its conversation, else among the newest that
 * were sent. Undefined where there is none.
 */
export async function findSent(
  gmail: Gmail,
  { messageId, date, threadId }: Pick<SendRecord, 'messageId' | 'date' | 'threadId'>
): Promise<Sent | undefined> {
  const isIt = (message: Message) => {
    const value = (name: string) => message.payload?.headers?.find(header => header.name?.toLowerCase() === name)?.value
    const ids = [value('message-id'), value('x-google-original-message-id')]
    const sentAtMs = Date.parse(value('date') ?? '')
    return (
      message.labelIds?.includes('SENT') === true &&
      (ids.includes(messageId) || Math.floor(sentAtMs / 1000) === Math.floor(date.getTime() / 1000))
    )
  }

  if (threadId !== null) {
    const messages = await readThread(threadId)
    const found = messages.toReversed().find(isIt)
    if (found) return toSent(found)
  }
  const { messages: listed } = await gmail.call('messages.list', (users, options) =>
    users.messages.list({ userId, labelIds: ['SENT'], maxResults: newest }, options)
  )
  for (const { id } of listed ?? []) {
    const message = await readMessage(id ?? '')
    if (message && isIt(message)) return toSent(message)
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

/** Nothing where Gmail has no such thing. */
export async function missing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined
    throw error
  }
}
