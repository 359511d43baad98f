import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { toComparableAddress } from '../../email-address.ts'
import { type Message, type MessageOptions, toMessageSummary, toMessageView } from './message.ts'
import type { AddressView, MessageSummary, MessageView, ThreadSummary, ThreadView } from './views.ts'

export type Thread = gmail_v1.Schema$Thread

/** A conversation as a list shows it, made from a resource of any format that has headers. */
export async function toThreadSummary(thread: Thread): Promise<ThreadSummary> {
  const messages: MessageSummary[] = []
  for (const message of messagesOf(thread)) messages.push(await toMessageSummary(message))
  return summarize(thread, messages)
}

/** With all its messages, oldest first, drafts among them. */
export async function toThreadView(thread: Thread, options: MessageOptions): Promise<ThreadView> {
  const messages: MessageView[] = []
  // One after the other: each may be as large as a mail can be.
  for (const message of messagesOf(thread)) messages.push(await toMessageView(message, options))
  return { ...summarize(thread, messages), messages }
}

const messagesOf = ({ messages }: Thread): Message[] => messages ?? []

function summarize({ id, historyId }: Thread, messages: readonly MessageSummary[]): ThreadSummary {
  const newest = messages.at(-1)
  const labelIds = [...new Set(messages.flatMap(message => message.labelIds))]
  return {
    id: id ?? '',
    historyId: historyId ?? null,
    subject: messages[0]?.subject ?? '',
    snippet: newest?.snippet ?? '',
    messageCount: messages.length,
    labelIds,
    unread: labelIds.includes('UNREAD'),
    participants: distinct(messages.flatMap(({ from, to, cc }) => [...(from ? [from] : []), ...to, ...cc])),
    receivedAt: newest?.receivedAt ?? null
  }
}

/** Each address once, in order of appearance, with the first name it came with. */
function distinct(people: readonly AddressView[]): AddressView[] {
  const known = new Map<string, AddressView>()
  for (const person of people) {
    const key = toComparableAddress(person.address) ?? (person.address || person.name)
    const before = known.get(key)
    if (!before || (before.name === '' && person.name !== '')) known.set(key, { ...person })
  }
  return [...known.values()]
}
