import { ask } from './answer.ts'
import type { Gmail } from './client.ts'
import { type Message, type MessageOptions, summaryHeaders, toMessageSummary, toMessageView } from './message.ts'
import { type Thread, toThreadSummary, toThreadView } from './thread.ts'
import type { MessageSummary, MessageView, ThreadSummary, ThreadView } from './views.ts'

export type ReadOptions = Omit<MessageOptions, 'fetchBody'>

const userId = 'me'

/** 20 units, and 20 more for each body that Gmail does not send along. */
export function readMessage(gmail: Gmail, id: string, options: ReadOptions = {}): Promise<MessageView> {
  return ask(
    gmail,
    'messages.get',
    (users, call) => users.messages.get({ userId, id, format: 'full' }, call),
    (message: Message) => toMessageView(message, { ...options, fetchBody: createFetchBody(gmail) })
  )
}

/** 20 units: headers alone cost Google as much as the whole, and the network less. */
export function readMessageSummary(gmail: Gmail, id: string): Promise<MessageSummary> {
  return ask(
    gmail,
    'messages.get',
    (users, call) => users.messages.get({ userId, id, format: 'metadata', metadataHeaders: summaryHeaders }, call),
    toMessageSummary
  )
}

/** 40 units, however many messages it has. */
export function readThread(gmail: Gmail, id: string, options: ReadOptions = {}): Promise<ThreadView> {
  return ask(
    gmail,
    'threads.get',
    (users, call) => users.threads.get({ userId, id, format: 'full' }, call),
    (thread: Thread) => toThreadView(thread, { ...options, fetchBody: createFetchBody(gmail) })
  )
}

/** 40 units. */
export function readThreadSummary(gmail: Gmail, id: string): Promise<ThreadSummary> {
  return ask(
    gmail,
    'threads.get',
    (users, call) => users.threads.get({ userId, id, format: 'metadata', metadataHeaders: summaryHeaders }, call),
    toThreadSummary
  )
}

export function createFetchBody(gmail: Gmail): MessageOptions['fetchBody'] {
  return (messageId, id) =>
    ask(
      gmail,
      'messages.attachments.get',
      (users, call) => users.messages.attachments.get({ userId, messageId, id }, call),
      ({ data }: { data?: string }) => Buffer.from(data ?? '', 'base64url')
    )
}
