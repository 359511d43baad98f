import type { Calendar } from './calendar-events.ts'
import { createGmailAccount, type GmailAccount } from './gmail/account.ts'
import type { DescribedMail } from './gmail/described-mail.ts'
import type { StoredMessage } from './gmail/message.ts'

/** The first is the newest, and each further one a minute older. */
export interface MessageSeed extends DescribedMail {
  id?: string
  threadId?: string
  labelIds?: string[]
}

export interface UserSeed {
  sub: string
  email: string
  name: string
  picture?: string
  /** Default true. */
  emailVerified?: boolean
  /** The Workspace that manages the account; none for a consumer's. */
  hostedDomain?: string
  messages?: MessageSeed[]
}

export interface User {
  sub: string
  email: string
  name: string
  picture: string
  emailVerified: boolean
  hostedDomain: string | undefined
  gmail: GmailAccount
  calendars: Calendar[]
  /** The mail, newest first. */
  readonly messages: readonly StoredMessage[]
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

export interface UsersParts {
  nowMs: () => number
  /** A mailbox changed. */
  onMailChange: (user: User) => void
}

export function createUsers({ nowMs, onMailChange }: UsersParts): Users {
  const users = new Map<string, User>()

  function add(seed: UserSeed): User {
    const profile = {
      email: seed.email,
      name: seed.name,
      picture: seed.picture ?? `https://lh3.googleusercontent.com/a/${seed.sub}`,
      emailVerified: seed.emailVerified ?? true,
      hostedDomain: seed.hostedDomain
    }
    const user = users.get(seed.sub) ?? createUser(seed.sub, profile)
    Object.assign(user, profile)
    if (seed.messages) {
      user.gmail = openAccount(user)
      // The oldest first, as they came.
      for (const [position, message] of [...seed.messages.entries()].reverse()) {
        const { id, threadId, labelIds, ...mail } = message
        user.gmail.receive(mail, {
          atMs: nowMs() - position * 60_000,
          ...(id === undefined ? {} : { id }),
          ...(threadId === undefined ? {} : { threadId }),
          ...(labelIds === undefined ? {} : { labels: labelIds })
        })
      }
    }
    users.set(seed.sub, user)
    return user
  }

  function createUser(
    sub: string,
    profile: Pick<User, 'email' | 'name' | 'picture' | 'emailVerified' | 'hostedDomain'>
  ): User {
    let gmail: GmailAccount | undefined
    const user: User = {
      sub,
      ...profile,
      calendars: [],
      // Made when it is first asked for: most users of a test never read mail.
      get gmail() {
        gmail ??= openAccount(user)
        return gmail
      },
      set gmail(account) {
        gmail = account
      },
      get messages() {
        return user.gmail.list()
      }
    }
    return user
  }

  function openAccount(user: User): GmailAccount {
    return createGmailAccount({ nowMs, email: () => user.email, onChange: () => onMailChange(user) })
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
