import { randomBytes } from 'node:crypto'

export interface AttachmentSeed {
  filename: string
  mimeType?: string
  content: string | Buffer
}

export interface MessageSeed {
  id?: string
  threadId?: string
  subject: string
  from: string
  body: string
  labelIds?: string[]
  attachments?: AttachmentSeed[]
}

export interface UserSeed {
  sub: string
  email: string
  name: string
  picture?: string
  /** Default true. */
  emailVerified?: boolean
  messages?: MessageSeed[]
}

export interface StoredAttachment {
  id: string
  filename: string
  mimeType: string
  content: Buffer
}

export interface StoredMessage {
  id: string
  threadId: string
  subject: string
  from: string
  body: string
  labelIds: string[]
  attachments: StoredAttachment[]
  internalDateMs: number
}

export interface User {
  sub: string
  email: string
  name: string
  picture: string
  emailVerified: boolean
  messages: StoredMessage[]
}

export interface Users {
  /** Adds a user; a known `sub` gets the new profile and keeps its mail unless messages are given. */
  add(seed: UserSeed): User
  /** By `sub` first, then by e-mail address: two users may share an address. */
  find(subOrEmail: string): User | undefined
  require(subOrEmail: string): User
  list(): User[]
}

export const DEFAULT_USERS: readonly UserSeed[] = [
  {
    sub: '100000000000000000001',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    messages: [
      { subject: 'Notes on the engine', from: 'Charles <charles@example.org>', body: 'The mill is ready.' },
      { subject: 'Tea on Sunday', from: 'Mary <mary@example.org>', body: 'Will you come?', labelIds: ['INBOX'] },
      {
        subject: 'The plans',
        from: 'Charles <charles@example.org>',
        body: 'Attached.',
        attachments: [{ filename: 'plan.txt', mimeType: 'text/plain', content: 'Number 1: the store.' }]
      }
    ]
  },
  {
    sub: '100000000000000000002',
    email: 'bob@example.com',
    name: 'Bob Builder',
    messages: [{ subject: 'Can we fix it?', from: 'Wendy <wendy@example.org>', body: 'Yes we can.' }]
  }
]

export function createUsers({ nowMs }: { nowMs: () => number }): Users {
  const users = new Map<string, User>()

  function add(seed: UserSeed): User {
    const known = users.get(seed.sub)
    const user: User = {
      sub: seed.sub,
      email: seed.email,
      name: seed.name,
      picture: seed.picture ?? `https://lh3.googleusercontent.com/a/${seed.sub}`,
      emailVerified: seed.emailVerified ?? true,
      messages: seed.messages?.map((message, position) => toStored(message, nowMs() - position * 60_000)) ?? []
    }
    if (!known) {
      users.set(seed.sub, user)
      return user
    }
    return Object.assign(known, user, seed.messages ? {} : { messages: known.messages })
  }

  const find = (subOrEmail: string) =>
    users.get(subOrEmail) ?? [...users.values()].find(user => user.email === subOrEmail)

  return {
    add,
    find,
    require(subOrEmail) {
      const user = find(subOrEmail)
      if (!user) throw new Error(`fake Google has no user ${subOrEmail}`)
      return user
    },
    list: () => [...users.values()]
  }
}

function toStored(seed: MessageSeed, internalDateMs: number): StoredMessage {
  const id = seed.id ?? randomBytes(8).toString('hex')
  return {
    id,
    threadId: seed.threadId ?? id,
    subject: seed.subject,
    from: seed.from,
    body: seed.body,
    labelIds: [...(seed.labelIds ?? ['INBOX', 'UNREAD'])],
    internalDateMs,
    attachments: (seed.attachments ?? []).map(attachment => ({
      // Google's attachment ids are this long: a router's default limit of 100 characters refuses them.
      id: `ANGjdJ${randomBytes(255).toString('base64url')}`,
      filename: attachment.filename,
      mimeType: attachment.mimeType ?? 'application/octet-stream',
      content: Buffer.from(attachment.content)
    }))
  }
}
