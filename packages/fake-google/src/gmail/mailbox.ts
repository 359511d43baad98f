import { randomBytes } from 'node:crypto'
import { GmailError } from '../gmail-errors.ts'
import { DEFAULT_RENDERING, type Rendering, toMail } from './convert.ts'
import { type DescribedMail, describeMail } from './described-mail.ts'
import { createHistory, type History } from './history.ts'
import { createLabels, type Labels } from './labels.ts'
import { type Mail, type StoredMessage, toStoredMessage } from './message.ts'
import { type ReadyMail, toReadyMail } from './ready-mail.ts'
import { findThread } from './threads.ts'

/** Raw as it was sent, told by its parts, or converted by somebody else. */
export type IncomingMail = string | Buffer | DescribedMail | ReadyMail

export interface Receiving {
  id?: string
  threadId?: string
  /** Default INBOX and UNREAD. */
  labels?: string[]
  /** Default now. */
  atMs?: number
  rendering?: Partial<Rendering>
}

export interface Mailbox {
  readonly history: History
  readonly labels: Labels
  /** How mail is rendered that comes from now on. */
  readonly rendering: Rendering
  /** Newest first. */
  list(): StoredMessage[]
  find(id: string): StoredMessage | undefined
  /** Throws notFound. */
  require(id: string): StoredMessage
  /** Throws notFound; oldest first. */
  requireThread(id: string): StoredMessage[]
  /** A new mail, in the thread that its headers name. */
  receive(mail: IncomingMail, options?: Receiving): StoredMessage
  /** Puts a mail in its place without looking at its headers. */
  add(mail: Mail, options: Required<Pick<Receiving, 'labels'>> & Receiving): StoredMessage
  changeLabels(message: StoredMessage, add: readonly string[], remove: readonly string[]): void
  /** For good, past the bin. */
  deleteForever(id: string): void
}

export interface MailboxParts {
  nowMs: () => number
  email: () => string
  onChange: () => void
}

export function createMailbox({ nowMs, email, onChange }: MailboxParts): Mailbox {
  const messages = new Map<string, StoredMessage>()
  const history = createHistory(onChange)
  const rendering = { ...DEFAULT_RENDERING }
  const labels = createLabels()

  function add(
    mail: Mail,
    { id = newMessageId(), threadId = id, labels: labelIds, atMs = nowMs() }: Receiving
  ): StoredMessage {
    if (messages.has(id)) throw new Error(`a message ${id} is there already`)
    const carried = [...(labelIds ?? [])]
    for (const label of carried) labels.adopt(label)
    const historyId = history.record('messageAdded', { id, threadId, labelIds: carried })
    const message = toStoredMessage(mail, { id, threadId, labelIds: carried, historyId, internalDateMs: atMs })
    messages.set(id, message)
    return message
  }

  function toIncoming(mail: IncomingMail, options: Receiving, id: string): Mail {
    const how = { ...rendering, ...options.rendering }
    if (typeof mail === 'string' || Buffer.isBuffer(mail)) return toMail(mail, how)
    if ('payload' in mail) return toReadyMail(mail)
    const dateMs = options.atMs ?? nowMs()
    return describeMail(mail, { to: email(), dateMs, messageId: `<${id}@mail.example.org>` }, how)
  }

  function changeLabels(message: StoredMessage, adding: readonly string[], removing: readonly string[]): void {
    const added = adding.filter(label => !message.labelIds.includes(label))
    const removed = removing.filter(label => message.labelIds.includes(label))
    message.labelIds = [...message.labelIds, ...added].filter(label => !removed.includes(label))
    if (added.length > 0) message.historyId = history.record('labelAdded', message, added)
    if (removed.length > 0) message.historyId = history.record('labelRemoved', message, removed)
  }

  const require = (id: string): StoredMessage => {
    const message = messages.get(id)
    if (!message) throw new GmailError('notFound')
    return message
  }

  // Sorting is stable: of two with the same time the later arrival goes first.
  const list = () => [...messages.values()].reverse().sort((one, other) => other.internalDateMs - one.internalDateMs)

  return {
    history,
    labels,
    rendering,
    list,
    find: id => messages.get(id),
    require,
    requireThread(id) {
      const thread = [...messages.values()].filter(message => message.threadId === id)
      if (thread.length === 0) throw new GmailError('notFound')
      return thread.sort((one, other) => one.internalDateMs - other.internalDateMs)
    },
    receive(incoming, options = {}) {
      const id = options.id ?? newMessageId()
      const mail = toIncoming(incoming, options, id)
      const threadId = options.threadId ?? findThread([...messages.values()], mail.root.headers) ?? id
      return add(mail, { labels: ['INBOX', 'UNREAD'], ...options, id, threadId })
    },
    add,
    changeLabels,
    deleteForever(id) {
      history.record('messageDeleted', require(id))
      messages.delete(id)
    }
  }
}

/** Above 2^53, as Gmail's are. */
function newMessageId(): string {
  return `1${randomBytes(8).toString('hex').slice(1)}`
}
