import { randomBytes } from 'node:crypto'
import { createOutbox, type Outbox } from './gmail/sending.ts'
import { createMeter, type Meter } from './gmail/usage.ts'
import { createGrants, type Grants } from './grants.ts'
import { createIdTokens, type IdTokens } from './id-token.ts'
import { createKeys, type Keys } from './keys.ts'
import { createLedger, type LedgerBook } from './ledger.ts'
import { createPubsub, type PubsubParts } from './pubsub.ts'
import type { Client, Settings } from './settings.ts'
import { createUsers, DEFAULT_USERS, type UserSeed, type Users } from './users.ts'

/** The state all endpoints share. */
export interface World {
  /** The issuer: known once the server listens. */
  origin: string
  nowMs: () => number
  canary: string
  client: Client
  settings: Settings
  ledger: LedgerBook
  users: Users
  keys: Keys
  idTokens: IdTokens
  grants: Grants
  usage: Meter
  outbox: Outbox
  pubsub: PubsubParts
  /** A new secret: prefix, randomness, the canary, randomness. */
  mint(prefix: string): string
  /** What no correct client does: a suite asserts that it stays empty. */
  violations: string[]
}

export interface WorldOptions {
  nowMs?: () => number
  clientId?: string
  clientSecret?: string
  /** The app's name on the consent page. */
  clientName?: string
  redirectUris?: string[]
  /** Default: Ada and Bob. */
  users?: readonly UserSeed[]
}

const DEFAULT_REDIRECT_URIS: readonly string[] = [
  'http://localhost:3000/auth/google/callback',
  ...['gmail', 'calendar', 'drive'].map(service => `http://localhost:3000/connect/${service}/callback`)
]

/** Given the world before it, it takes over what clients already know: their credentials, the keys and the marker. */
export async function createWorld(options: WorldOptions, before?: World): Promise<World> {
  const nowMs = options.nowMs ?? Date.now
  const canary = before?.canary ?? `CANARY${randomBytes(6).toString('hex')}`
  const mint = (prefix: string) =>
    `${prefix}${randomBytes(12).toString('base64url')}${canary}${randomBytes(24).toString('base64url')}`
  const settings: Settings = {
    accessTokenLifetimeSeconds: 3599,
    refreshTokenLifetimeSeconds: undefined,
    codeLifetimeSeconds: 600,
    rotateRefreshTokens: false,
    issParameterSupported: true,
    gmailApi: 'enabled',
    // About 1 MB of mail in base64: where reports of the limit begin.
    gmailJsonBytes: 1_500_000,
    gmailUploadBytes: 36_700_160
  }
  const client = {
    id: options.clientId ?? '1234567890-guichet.apps.googleusercontent.com',
    secret: before?.client.secret ?? options.clientSecret ?? mint('GOCSPX-'),
    name: options.clientName ?? 'An app',
    redirectUris: new Set(options.redirectUris ?? DEFAULT_REDIRECT_URIS)
  }
  const ledger = createLedger({ nowMs })
  ledger.record('canary', canary)
  ledger.record('client_secret', client.secret)
  let pubsub: PubsubParts | undefined
  const users = createUsers({ nowMs, onMailChange: user => pubsub?.notice(user) })
  for (const seed of options.users ?? DEFAULT_USERS) users.add(seed)
  // Not the canary: key ids are public.
  const keys = before?.keys ?? (await createKeys(randomBytes(6).toString('hex')))
  const grants = createGrants({ nowMs, ledger, mint, settings })
  const usage = createMeter({ nowMs })
  const outbox = createOutbox({ nowMs, listUsers: users.list })
  const base = {
    origin: before?.origin ?? '',
    nowMs,
    canary,
    client,
    settings,
    ledger,
    users,
    keys,
    grants,
    usage,
    outbox,
    mint,
    violations: []
  }
  // The same object, so that the origin is known to all parts once the server listens.
  const world = Object.assign(base, { idTokens: createIdTokens(base) })
  pubsub = createPubsub(world)
  return Object.assign(world, { pubsub })
}
