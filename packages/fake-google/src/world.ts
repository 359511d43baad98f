import { randomBytes } from 'node:crypto'
import { createGrants, type Grants } from './grants.ts'
import { createIdTokens, type IdTokens } from './id-token.ts'
import { createKeys, type Keys } from './keys.ts'
import { createLedger, type LedgerBook } from './ledger.ts'
import { createUsers, DEFAULT_USERS, type Users } from './users.ts'

/** What a test may change while the server runs. */
export interface Settings {
  accessTokenLifetimeSeconds: number
  /** Announced as `refresh_token_expires_in` and kept; undefined: refresh tokens have no deadline. */
  refreshTokenLifetimeSeconds: number | undefined
  codeLifetimeSeconds: number
  /** Each refresh issues a new refresh token and the one used dies. */
  rotateRefreshTokens: boolean
  /** Announces `authorization_response_iss_parameter_supported` (RFC 9207). */
  issParameterSupported: boolean
}

export interface Client {
  id: string
  secret: string
  redirectUris: Set<string>
}

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
  /** A new secret: prefix, randomness, the canary, randomness. */
  mint(prefix: string): string
  /** What a well-behaved client never does: a suite asserts that it stays empty. */
  violations: string[]
}

export interface WorldOptions {
  nowMs?: () => number
  clientId?: string
  clientSecret?: string
  redirectUris?: string[]
}

export const DEFAULT_REDIRECT_URIS: readonly string[] = [
  'http://localhost:3000/auth/google/callback',
  ...['gmail', 'calendar', 'drive'].map(service => `http://localhost:3000/connect/${service}/callback`)
]

export async function createWorld(options: WorldOptions): Promise<World> {
  const nowMs = options.nowMs ?? Date.now
  const canary = `CANARY${randomBytes(6).toString('hex')}`
  const mint = (prefix: string) =>
    `${prefix}${randomBytes(12).toString('base64url')}${canary}${randomBytes(24).toString('base64url')}`
  const settings: Settings = {
    accessTokenLifetimeSeconds: 3599,
    refreshTokenLifetimeSeconds: undefined,
    codeLifetimeSeconds: 600,
    rotateRefreshTokens: false,
    issParameterSupported: true
  }
  const client = {
    id: options.clientId ?? '1234567890-guichet.apps.googleusercontent.com',
    secret: options.clientSecret ?? mint('GOCSPX-'),
    redirectUris: new Set(options.redirectUris ?? DEFAULT_REDIRECT_URIS)
  }
  const ledger = createLedger({ nowMs })
  ledger.record('canary', canary)
  ledger.record('client_secret', client.secret)
  const users = createUsers({ nowMs })
  for (const seed of DEFAULT_USERS) users.add(seed)
  // Not the canary: key ids are public.
  const keys = await createKeys(randomBytes(6).toString('hex'))
  const grants = createGrants({ nowMs, ledger, mint, settings })
  const world = { origin: '', nowMs, canary, client, settings, ledger, users, keys, grants, mint, violations: [] }
  return Object.assign(world, { idTokens: createIdTokens(world) })
}
