import { createHash, createHmac, type KeyObject, sign } from 'node:crypto'
import type { Keys } from './keys.ts'
import type { LedgerBook } from './ledger.ts'
import { USERINFO_EMAIL, USERINFO_PROFILE } from './scopes.ts'
import type { Client } from './settings.ts'
import type { User } from './users.ts'

export type Claims = Record<string, unknown>

/** How the next id_token differs from a correct one. A claim or header given as `undefined` is left out. */
export interface IdTokenTampering {
  claims?: Claims | ((claims: Claims) => Claims)
  header?: Claims
  /** HS256 is keyed with the client secret, HS256-with-jwk with the published key's JSON; ES256's key is published. */
  alg?: 'none' | 'HS256' | 'HS256-with-jwk' | 'ES256'
  /** Signs with a key that is not in the JWKS, under the kid of one that is. */
  key?: 'foreign'
  omit?: boolean
  raw?: string
}

export interface IdTokens {
  /** Affects the next issued id_token alone; several wait in line. */
  tamperNext(tampering: IdTokenTampering): void
  /** The id_token for an answer, or undefined when it is to be left out. */
  issue(user: User, scopes: readonly string[], accessToken: string, nonce?: string): string | undefined
}

const LIFETIME_SECONDS = 3600

interface Surroundings {
  /** Known once the server listens. */
  origin: string
  client: Client
  keys: Keys
  ledger: LedgerBook
  nowMs: () => number
}

export function createIdTokens(world: Surroundings): IdTokens {
  const waiting: IdTokenTampering[] = []

  function issue(user: User, scopes: readonly string[], accessToken: string, nonce?: string): string | undefined {
    const tampering = waiting.shift() ?? {}
    if (tampering.omit) return undefined
    const token = tampering.raw ?? build(world, tampering, honestClaims(world, user, scopes, accessToken, nonce))
    world.ledger.record('id_token', token, { sub: user.sub })
    return token
  }

  return {
    issue,
    tamperNext(tampering) {
      if (tampering.alg === 'ES256') world.keys.publishElliptic()
      waiting.push(tampering)
    }
  }
}

function honestClaims(
  world: Surroundings,
  user: User,
  scopes: readonly string[],
  accessToken: string,
  nonce: string | undefined
): Claims {
  const iat = Math.floor(world.nowMs() / 1000)
  return {
    iss: world.origin,
    azp: world.client.id,
    aud: world.client.id,
    sub: user.sub,
    // As Google does: the address and the name only if their scopes were requested.
    ...(scopes.includes(USERINFO_EMAIL) ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(user.hostedDomain === undefined ? {} : { hd: user.hostedDomain }),
    ...(scopes.includes(USERINFO_PROFILE) ? { name: user.name, picture: user.picture } : {}),
    at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
    ...(nonce === undefined ? {} : { nonce }),
    iat,
    exp: iat + LIFETIME_SECONDS
  }
}

function build(world: Surroundings, tampering: IdTokenTampering, honest: Claims): string {
  const { claims, header, alg, key } = tampering
  const signer = alg === 'ES256' ? world.keys.elliptic : world.keys.current()
  const fullHeader = {
    alg: alg === undefined ? 'RS256' : alg === 'HS256-with-jwk' ? 'HS256' : alg,
    kid: signer.kid,
    typ: 'JWT',
    ...header
  }
  const fullClaims = typeof claims === 'function' ? claims(honest) : { ...honest, ...claims }
  const input = `${encode(fullHeader)}.${encode(fullClaims)}`
  const privateKey = key === 'foreign' ? world.keys.foreign.privateKey : signer.privateKey
  return `${input}.${signature(world, alg, input, privateKey)}`
}

function signature(world: Surroundings, alg: IdTokenTampering['alg'], input: string, privateKey: KeyObject): string {
  if (alg === 'none') return ''
  if (alg === 'HS256') return createHmac('sha256', world.client.secret).update(input).digest('base64url')
  if (alg === 'HS256-with-jwk') {
    const jwk = JSON.stringify(world.keys.current().publicJwk)
    return createHmac('sha256', jwk).update(input).digest('base64url')
  }
  return sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

function encode(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
