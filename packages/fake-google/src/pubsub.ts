import { randomInt, sign } from 'node:crypto'
import { isWatched } from './gmail/watch.ts'
import type { Claims } from './id-token.ts'
import type { Keys, SigningKey } from './keys.ts'
import type { User, Users } from './users.ts'

/** Where Pub/Sub pushes to, as one sets a subscription up (GMAIL.md, 5.8). */
export interface Subscription {
  endpoint: string
  /** The account whose token comes with a push. */
  serviceAccount: string
  /** Default: the endpoint. */
  audience?: string
  /** Its name, in the body. */
  subscription?: string
}

/** How one push differs from a good one. */
export interface PushChanges {
  /** A claim given as undefined is left out. */
  claims?: Claims
  header?: Claims
  /** Signs with a key that is not in the JWKS. */
  key?: 'foreign'
  /** In place of the bearer token; null leaves the header out. */
  authorization?: string | null
  messageId?: string
  historyId?: string
  emailAddress?: string
  subscription?: string
  /** In place of the whole body. */
  body?: unknown
}

export interface PushRequest {
  url: string
  headers: Record<string, string>
  body: string
}

export interface Pubsub {
  /** Pushes from now on at each change of a watched mailbox, at most once a second for each. */
  subscribe(subscription: Subscription): void
  /** A push as it would be sent: for `app.inject`. */
  request(subOrEmail: string, changes?: PushChanges): PushRequest
  /** Sends it; the answer's status. */
  push(subOrEmail: string, changes?: PushChanges): Promise<number>
  /** The statuses that the pushes met so far. */
  readonly answers: number[]
  /** Resolves once no push is under way. */
  settled(): Promise<void>
}

export interface PubsubParts extends Pubsub {
  notice(user: User): void
}

const MIN_GAP_MS = 1000
const DEFAULT_SUBSCRIPTION = 'projects/guichet-test/subscriptions/gmail'

interface Surroundings {
  /** Known once the server listens. */
  origin: string
  keys: Keys
  users: Users
  nowMs: () => number
}

export function createPubsub(world: Surroundings): PubsubParts {
  let subscription: Subscription | undefined
  const told = new Map<string, { historyId: bigint; atMs: number }>()
  const answers: number[] = []
  const underWay = new Set<Promise<unknown>>()

  function request(subOrEmail: string, changes: PushChanges = {}): PushRequest {
    if (!subscription) throw new Error('nothing is subscribed: google.pubsub.subscribe(…)')
    const { endpoint, audience = endpoint, serviceAccount } = subscription
    const user = world.users.require(subOrEmail)
    const iat = Math.floor(world.nowMs() / 1000)
    const claims = {
      aud: audience,
      azp: '113774264463038321964',
      email: serviceAccount,
      email_verified: true,
      exp: iat + 3600,
      iat,
      iss: world.origin,
      sub: '113774264463038321964',
      ...changes.claims
    }
    const key = changes.key === 'foreign' ? world.keys.foreign : world.keys.current()
    const token = toJwt({ alg: 'RS256', kid: world.keys.current().kid, typ: 'JWT', ...changes.header }, claims, key)
    const bearer = changes.authorization === undefined ? `Bearer ${token}` : changes.authorization
    const messageId = changes.messageId ?? String(randomInt(2 ** 47))
    const historyId = changes.historyId ?? String(user.gmail.history.current())
    // The number stands as a number, and may be larger than JavaScript's are exact.
    const data = `{"emailAddress":${JSON.stringify(changes.emailAddress ?? user.email)},"historyId":${historyId}}`
    const body = changes.body ?? {
      message: {
        data: Buffer.from(data).toString('base64url'),
        messageId,
        message_id: messageId,
        publishTime: new Date(world.nowMs()).toISOString()
      },
      subscription: changes.subscription ?? subscription.subscription ?? DEFAULT_SUBSCRIPTION
    }
    return {
      url: endpoint,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'APIs-Google',
        ...(bearer === null ? {} : { authorization: bearer })
      },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    }
  }

  async function push(subOrEmail: string, changes?: PushChanges): Promise<number> {
    const { url, headers, body } = request(subOrEmail, changes)
    const response = await fetch(url, { method: 'POST', headers, body })
    await response.arrayBuffer()
    answers.push(response.status)
    return response.status
  }

  return {
    answers,
    subscribe(one) {
      subscription = one
    },
    request,
    push,
    notice(user) {
      const historyId = user.gmail.history.current()
      const before = told.get(user.sub) ?? { historyId: -1n, atMs: -Infinity }
      if (!subscription || historyId === before.historyId || !isWatched(user.gmail, world.nowMs())) return
      // What comes sooner is dropped, as Google drops it.
      if (world.nowMs() - before.atMs < MIN_GAP_MS) return
      told.set(user.sub, { historyId, atMs: world.nowMs() })
      const pushing = push(user.sub).catch(() => answers.push(0))
      underWay.add(pushing)
      pushing.finally(() => underWay.delete(pushing))
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    }
  }
}

function toJwt(header: Claims, claims: Claims, { privateKey }: SigningKey): string {
  const input = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}
