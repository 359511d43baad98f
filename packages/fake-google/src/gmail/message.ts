import { randomBytes } from 'node:crypto'
import { type Content, toBytes } from '../content.ts'
import { type Header, headerValue } from '../mime/headers.ts'

export interface Part {
  /** Gmail's own: '' for the root, then '0', '1', '1.0'. */
  partId: string
  mimeType: string
  filename: string
  headers: Header[]
  parts: Part[]
  /** A leaf's, as Gmail hands it over: text already in UTF-8, where it is so set. */
  content: Content | undefined
  /** Its bytes stand in the message itself, or are fetched with an attachmentId. */
  isInPlace: boolean
}

/** A mail before a mailbox takes it. */
export interface Mail {
  root: Part
  /** As it was sent. */
  raw: Content
  /** Escaped as Gmail escapes it. */
  snippet: string
}

export interface StoredAttachment {
  readonly partId: string
  readonly filename: string
  readonly mimeType: string
  readonly content: Buffer
}

export interface StoredMessage extends Mail {
  readonly id: string
  threadId: string
  labelIds: string[]
  historyId: bigint
  internalDateMs: number
  /** What the attachmentIds of the last answer begin with: no others work. */
  tokenStem: string
  /** The shortcuts for tests. */
  readonly subject: string
  readonly from: string
  readonly body: string
  readonly attachments: readonly StoredAttachment[]
}

export interface Placing {
  id: string
  threadId: string
  labelIds: string[]
  historyId: bigint
  internalDateMs: number
}

export function toStoredMessage(mail: Mail, placing: Placing): StoredMessage {
  const root = mail.root
  return {
    ...mail,
    ...placing,
    tokenStem: newTokenStem(),
    get subject() {
      return headerValue(root.headers, 'subject') ?? ''
    },
    get from() {
      return headerValue(root.headers, 'from') ?? ''
    },
    get body() {
      const text = leavesOf(root).find(part => part.mimeType.startsWith('text/') && part.filename === '')
      return text?.content ? toBytes(text.content).toString() : ''
    },
    get attachments() {
      return leavesOf(root)
        .filter(part => part.filename !== '' || (part.content && !part.isInPlace))
        .map(part => ({
          partId: part.partId,
          filename: part.filename,
          mimeType: part.mimeType,
          get content() {
            return part.content ? toBytes(part.content) : Buffer.alloc(0)
          }
        }))
    }
  }
}

/** Those parts that hold bytes, in order. Iterative: a hostile mail is 10 000 parts deep. */
export function leavesOf(root: Part): Part[] {
  return partsOf(root).filter(part => part.content !== undefined)
}

function partsOf(root: Part): Part[] {
  const parts: Part[] = []
  const waiting = [root]
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    parts.push(part)
    for (let position = part.parts.length - 1; position >= 0; position--) {
      const child = part.parts[position]
      if (child) waiting.push(child)
    }
  }
  return parts
}

const STEM_CHARACTERS = 340

/** Google's attachment ids are this long: a router's default limit of 100 characters refuses them. */
export function newTokenStem(): string {
  return `ANGjdJ${randomBytes(255).toString('base64url')}`.slice(0, STEM_CHARACTERS)
}

export function toAttachmentId(stem: string, partId: string): string {
  return stem + Buffer.from(partId).toString('base64url')
}

/** The part that an attachmentId names, if it is of the message's last answer. */
export function findByAttachmentId(message: StoredMessage, attachmentId: string): Part | undefined {
  const stem = attachmentId.slice(0, STEM_CHARACTERS)
  if (stem !== message.tokenStem) return undefined
  const partId = Buffer.from(attachmentId.slice(STEM_CHARACTERS), 'base64url').toString()
  return leavesOf(message.root).find(part => part.partId === partId)
}
