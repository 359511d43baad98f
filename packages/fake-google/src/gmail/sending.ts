import { randomBytes } from 'node:crypto'
import { toBytes } from '../content.ts'
import { addressesOf, type Header, headerValue } from '../mime/headers.ts'
import type { MimeNode } from '../mime/reader.ts'
import type { User } from '../users.ts'
import { filenameOf, fromNode } from './convert.ts'
import type { StoredMessage } from './message.ts'
import { messageIdOf, recipientsOf, rewriteHead } from './outgoing.ts'
import type { Outgoing } from './outgoing-mail.ts'
import { belongsToThread } from './threads.ts'

/** One mail that left, as Google's outgoing server saw it. */
export interface SentMail {
  /** The Gmail ids in the sender's mailbox. */
  id: string
  threadId: string
  account: string
  atMs: number
  envelope: { from: string; to: string[] }
  /** What each recipient got: the head as it arrived there, without Bcc. */
  copies: { to: string; head: string }[]
  subject: string
  /** As submitted, and as it arrived: Gmail may put its own in its place. */
  messageId: string | undefined
  arrivedMessageId: string
  /** Of the mail as submitted, in bytes. */
  size: number
  sha256: string
  /** Its leaves, transfer encoding undone. */
  parts: { mimeType: string; filename: string; size: number; sha256: string }[]
  /** Whether it joined the thread that was asked for; undefined when none was. */
  joinedThread: boolean | undefined
  /** The From that was replaced because it is not an address of the account. */
  replacedFrom: string | undefined
  headers: Header[]
  /** The bytes as they arrived at the recipients; of a mail too large to keep, its head. */
  source(): Buffer
}

export interface Outbox {
  readonly sent: SentMail[]
  send(sender: User, outgoing: Outgoing): StoredMessage
}

export function createOutbox({ nowMs, listUsers }: { nowMs: () => number; listUsers: () => User[] }): Outbox {
  const sent: SentMail[] = []
  let serial = 0

  function send(sender: User, outgoing: Outgoing): StoredMessage {
    const { gmail } = sender
    const { headers } = outgoing.node
    const to = recipientsOf(headers)
    const submittedId = messageIdOf(headers)
    const replacedFrom = findForeignFrom(sender, headers)
    serial += 1
    const keepsId = gmail.messageIds === 'kept' || (gmail.messageIds === 'sometimes' && serial % 2 === 1)
    const arrivedMessageId = (keepsId && submittedId) || `<CA${randomBytes(18).toString('base64url')}@mail.gmail.com>`
    const { node, raw } = rewriteHead(outgoing, {
      ...(arrivedMessageId === submittedId ? {} : { 'Message-ID': arrivedMessageId }),
      ...(replacedFrom === undefined ? {} : { From: sender.email })
    })
    const { threadId } = outgoing
    const thread = threadId === undefined ? [] : gmail.requireThread(threadId)
    const joinedThread = threadId === undefined ? undefined : belongsToThread(thread, headers)
    const toSelf = to.includes(sender.email.toLowerCase())
    const message = gmail.add(fromNode(node, raw, gmail.rendering), {
      labels: toSelf ? ['SENT', 'INBOX', 'UNREAD'] : ['SENT'],
      ...(joinedThread && threadId !== undefined ? { threadId } : {})
    })
    const bytes = toBytes(raw)
    const head = bytes.subarray(0, Math.max(0, bytes.indexOf('\r\n\r\n'))).toString()
    sent.push({
      id: message.id,
      threadId: message.threadId,
      account: sender.email,
      atMs: nowMs(),
      envelope: { from: sender.email, to },
      copies: to.map(recipient => ({ to: recipient, head })),
      subject: message.subject,
      messageId: submittedId,
      arrivedMessageId,
      size: outgoing.size,
      sha256: outgoing.sha256,
      parts: leavesOf(outgoing.node),
      joinedThread,
      replacedFrom,
      headers: node.headers,
      source: () => bytes
    })
    // Users of this fake get it in their mailbox.
    for (const user of listUsers()) {
      if (user !== sender && to.includes(user.email.toLowerCase()) && user.gmail.hasMailbox) user.gmail.receive(bytes)
    }
    return message
  }

  return { sent, send }
}

/** Gmail replaces a From that is neither the account's address nor a verified alias. */
function findForeignFrom(sender: User, headers: readonly Header[]): string | undefined {
  const from = headerValue(headers, 'from')
  const [address] = addressesOf(from ?? '')
  const own = [
    sender.email,
    ...sender.gmail.aliases.filter(alias => alias.verificationStatus !== 'pending').map(alias => alias.sendAsEmail)
  ]
  return address !== undefined && own.some(one => one.toLowerCase() === address.toLowerCase())
    ? undefined
    : (from ?? '')
}

function leavesOf(root: MimeNode): SentMail['parts'] {
  const leaves: SentMail['parts'] = []
  const waiting = [root]
  for (let node = waiting.shift(); node; node = waiting.shift()) {
    waiting.unshift(...node.parts)
    if (node.mimeType.startsWith('multipart/')) continue
    const { mimeType, body } = node
    leaves.push({ mimeType, filename: filenameOf(node), size: body.size, sha256: body.sha256 })
  }
  return leaves
}
