import type { LedgerBook } from './ledger.ts'
import { IDENTITY_SCOPES, isGmailScope } from './scopes.ts'
import type { Settings } from './settings.ts'

/** An access token or a refresh token. */
export interface Token {
  value: string
  sub: string
  scopes: string[]
  /** Infinity without a deadline. */
  expiresAtMs: number
  revoked: boolean
  family: Family
}

/** All tokens that stem from one authorization code: they die together when the code comes twice (RFC 6749, 4.1.2). */
export type Family = Array<{ revoked: boolean }>

/** What Google recorded for one account and this client. */
export interface Grant {
  sub: string
  scopes: string[]
  accessTokens: Token[]
  refreshTokens: Token[]
}

export interface Grants {
  find(sub: string): Grant | undefined
  /** Records a consent; `isFirst` when nothing was granted before. */
  consent(sub: string, scopes: readonly string[]): { grant: Grant; isFirst: boolean }
  issueAccessToken(sub: string, scopes: readonly string[], family: Family): Token
  /** Past 100 living ones the oldest dies silently. `expiresAtMs` carries a deadline over a rotation. */
  issueRefreshToken(sub: string, scopes: readonly string[], family: Family, expiresAtMs?: number): Token
  /** The living token, or undefined when it is unknown, revoked or expired. */
  openAccessToken(value: string): Token | undefined
  openRefreshToken(value: string): Token | undefined
  /** The whole grant goes, with every token of it; the next consent is a first one. */
  revoke(sub: string): void
  /** Access tokens stop working before their time. */
  expireAccessTokens(sub: string): void
  changePassword(sub: string): void
  narrow(sub: string, scopes: readonly string[]): void
}

/** Google keeps this many per account and client. */
const MAX_LIVE_REFRESH_TOKENS = 100

export interface GrantsParts {
  nowMs: () => number
  ledger: LedgerBook
  mint: (prefix: string) => string
  settings: Settings
}

export function createGrants({ nowMs, ledger, mint, settings }: GrantsParts): Grants {
  const grants = new Map<string, Grant>()
  const accessTokens = new Map<string, Token>()
  const refreshTokens = new Map<string, Token>()

  const isAlive = (token: Token) => !token.revoked && token.expiresAtMs > nowMs()

  function requireGrant(sub: string): Grant {
    const grant = grants.get(sub)
    if (!grant) throw new Error(`${sub} has granted nothing`)
    return grant
  }

  function issueAccessToken(sub: string, scopes: readonly string[], family: Family): Token {
    const expiresAtMs = nowMs() + settings.accessTokenLifetimeSeconds * 1000
    const token = { value: mint('ya29.a0'), sub, scopes: [...scopes], expiresAtMs, revoked: false, family }
    family.push(token)
    accessTokens.set(token.value, token)
    requireGrant(sub).accessTokens.push(token)
    ledger.record('access_token', token.value, { sub, isAlive: () => isAlive(token) })
    return token
  }

  function issueRefreshToken(sub: string, scopes: readonly string[], family: Family, deadlineMs?: number): Token {
    const lifetimeSeconds = settings.refreshTokenLifetimeSeconds
    const expiresAtMs = deadlineMs ?? (lifetimeSeconds === undefined ? Infinity : nowMs() + lifetimeSeconds * 1000)
    const token = { value: mint('1//0'), sub, scopes: [...scopes], expiresAtMs, revoked: false, family }
    family.push(token)
    refreshTokens.set(token.value, token)
    const grant = requireGrant(sub)
    grant.refreshTokens = [...grant.refreshTokens.filter(isAlive), token]
    while (grant.refreshTokens.length > MAX_LIVE_REFRESH_TOKENS) {
      const oldest = grant.refreshTokens.shift()
      if (oldest) oldest.revoked = true
    }
    ledger.record('refresh_token', token.value, { sub, isAlive: () => isAlive(token) })
    return token
  }

  function open(tokens: Map<string, Token>, value: string): Token | undefined {
    const token = tokens.get(value)
    return token && isAlive(token) ? token : undefined
  }

  return {
    find: sub => grants.get(sub),
    consent(sub, scopes) {
      const known = grants.get(sub)
      const grant: Grant = known ?? { sub, scopes: [], accessTokens: [], refreshTokens: [] }
      grant.scopes = [...new Set([...grant.scopes, ...scopes])]
      grants.set(sub, grant)
      return { grant, isFirst: !known }
    },
    issueAccessToken,
    issueRefreshToken,
    openAccessToken: value => open(accessTokens, value),
    openRefreshToken: value => open(refreshTokens, value),
    revoke(sub) {
      const grant = grants.get(sub)
      for (const token of [...(grant?.accessTokens ?? []), ...(grant?.refreshTokens ?? [])]) token.revoked = true
      grants.delete(sub)
    },
    expireAccessTokens(sub) {
      for (const token of grants.get(sub)?.accessTokens ?? []) token.revoked = true
    },
    changePassword(sub) {
      for (const token of grants.get(sub)?.refreshTokens ?? []) {
        if (token.scopes.some(isGmailScope)) token.revoked = true
      }
    },
    narrow(sub, scopes) {
      const keeps = (scope: string) => scopes.includes(scope) || IDENTITY_SCOPES.includes(scope)
      const grant = requireGrant(sub)
      grant.scopes = grant.scopes.filter(keeps)
      for (const token of grant.refreshTokens) token.scopes = token.scopes.filter(keeps)
    }
  }
}
