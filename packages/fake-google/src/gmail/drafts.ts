import { randomInt } from 'node:crypto'
import { GmailError } from '../gmail-errors.ts'
import { fromNode } from './convert.ts'
import type { Mailbox } from './mailbox.ts'
import type { StoredMessage } from './message.ts'
import type { Outgoing } from './outgoing-mail.ts'
import { belongsToThread } from './threads.ts'

export interface Draft {
  id: string
  message: StoredMessage
  outgoing: Outgoing
}

export interface Drafts {
  /** Newest first. */
  list(): Draft[]
  /** Throws notFound: also for one that was sent. */
  require(id: string): Draft
  create(outgoing: Outgoing): Draft
  /** Replaces it wholly: a new message, in the thread that the new mail belongs to. */
  update(id: string, outgoing: Outgoing): Draft
  delete(id: string): void
  /** What remains of it is a mail to be sent. */
  take(id: string): Outgoing
}

export function createDrafts(mailbox: Mailbox): Drafts {
  const drafts = new Map<string, Draft>()

  function place(outgoing: Outgoing): StoredMessage {
    const { threadId } = outgoing
    const mail = fromNode(outgoing.node, outgoing.raw, mailbox.rendering)
    const thread = threadId === undefined ? [] : threadOf(threadId)
    // A changed subject moves the draft to another thread, silently.
    const joins = threadId !== undefined && belongsToThread(thread, outgoing.node.headers)
    return mailbox.add(mail, { labels: ['DRAFT'], ...(joins ? { threadId } : {}) })
  }

  function threadOf(threadId: string): StoredMessage[] {
    return mailbox.requireThread(threadId).filter(message => !message.labelIds.includes('DRAFT'))
  }

  const require = (id: string): Draft => {
    const draft = drafts.get(id)
    // Deleting its message in another client takes the draft along.
    if (!draft || !mailbox.find(draft.message.id)) throw new GmailError('notFound')
    return draft
  }

  return {
    list: () => [...drafts.values()].filter(({ message }) => mailbox.find(message.id)).reverse(),
    require,
    create(outgoing) {
      const draft = { id: `r${randomInt(2 ** 47)}${randomInt(10_000)}`, message: place(outgoing), outgoing }
      drafts.set(draft.id, draft)
      return draft
    },
    update(id, outgoing) {
      const draft = require(id)
      const message = place(outgoing)
      mailbox.deleteForever(draft.message.id)
      return Object.assign(draft, { message, outgoing })
    },
    delete(id) {
      mailbox.deleteForever(require(id).message.id)
      drafts.delete(id)
    },
    take(id) {
      const { message, outgoing } = require(id)
      const isAlone = mailbox.requireThread(message.threadId).length === 1
      mailbox.deleteForever(message.id)
      drafts.delete(id)
      return { ...outgoing, threadId: isAlone ? undefined : message.threadId }
    }
  }
}
