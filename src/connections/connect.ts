import { ObjectId } from 'mongodb'
import { missingScopes, type Service } from '../catalogue.ts'
import type { Clock } from '../clock.ts'
import { isSameAddress } from '../email-address.ts'
import { GuichetError } from '../errors.ts'
import type { Identity } from '../google/id-token.ts'
import type { TokenAnswer } from '../google/token-answer.ts'
import type { Vault } from '../vault/vault.ts'
import type { LiveTokens } from './live-token.ts'
import { type ConnectionRecord, hasUsableRefreshToken, sealToken } from './record.ts'
import type { ConnectionRepository } from './repository.ts'
import type { Revocations } from './revocations.ts'

/** What a callback brings once state, code and id_token have been checked. */
export interface Grant {
  userId: ObjectId
  service: Service
  identity: Identity
  answer: TokenAnswer
  /** When the tokens were asked for: their lives count from there. */
  askedAtMs: number
  /** The connection to repair, if the flow was started for one. */
  connectionId: ObjectId | null
  /** The account's e-mail address, if the flow was started for that one alone. */
  expectedEmail: string | null
}

/**
 * Stores a grant: the same Google account updates its record in place, another becomes a second connection.
 * Durable by majority when it resolves. A grant that fits no user or account here is revoked, unless a sibling lives.
 * @throws GuichetError `refresh_token_missing`, `account_mismatch`, `not_found`, `unauthenticated`
 */
export type StoreGrant = (grant: Grant) => Promise<ConnectionRecord>

/** The fields of a user that a connection copies. */
export interface Owner {
  externalId?: string
}

/** Each lost race means that another callback won: more than this many in a row is a bug. */
const maxRaces = 100

export function createStoreGrant(options: {
  repository: ConnectionRepository
  findUser: (id: ObjectId) => Promise<Owner | null>
  vault: Vault
  clock: Clock
  revocations: Revocations
  liveToken: LiveTokens
  /** Removes what was stored for a user who has been erased. */
  finishErasing: (userId: ObjectId) => Promise<void>
  connectUrl: (connection: Pick<ConnectionRecord, '_id' | 'service'>) => string
  freshConnectUrl: (service: string) => string
}): StoreGrant {
  const { repository, findUser, vault, clock, revocations, liveToken, finishErasing, connectUrl, freshConnectUrl } =
    options

  /** Unless a connection stands on the same grant, it is revoked: now, or as soon as that can be. */
  async function revokeGrant({ userId, service, identity: { sub }, answer }: Grant): Promise<void> {
    await revocations.enqueue({ userId, service: service.id, sub, token: answer.refreshToken ?? answer.accessToken })
    await revocations.drain(sub).catch(() => {})
  }

  /** The connection to repair is there, and the account is the expected one. */
  async function requireExpected(grant: Grant): Promise<void> {
    const { userId, identity, connectionId, expectedEmail } = grant
    const repaired = connectionId && (await repository.find(connectionId))
    if (connectionId && !repaired?.userId.equals(userId)) {
      await requireOwner(grant)
      await revokeGrant(grant)
      throw new GuichetError('not_found')
    }
    const isRepaired = !repaired || repaired.account.sub === identity.sub
    // An address that Google has not verified identifies nobody.
    const isExpected =
      expectedEmail === null || (identity.emailVerified && isSameAddress(expectedEmail, identity.email))
    if (isRepaired && isExpected) return
    await revokeGrant(grant)
    throw new GuichetError('account_mismatch', repaired ? { connectUrl: connectUrl(repaired) } : {})
  }

  async function requireOwner(grant: Grant): Promise<Owner> {
    const user = await findUser(grant.userId)
    if (user) return user
    await revokeGrant(grant)
    throw new GuichetError('unauthenticated')
  }

  async function write(grant: Grant): Promise<ConnectionRecord> {
    const { userId, service, identity } = grant
    for (let race = 0; race < maxRaces; race++) {
      const existing = await repository.findAccount({ userId, service: service.id, sub: identity.sub })
      const _id = existing?._id ?? new ObjectId()
      const tokens = sealedTokens(grant, { _id, userId }, existing)
      if (!existing) {
        const { externalId } = await requireOwner(grant)
        const record: ConnectionRecord = {
          refreshToken: '',
          refreshTokenExpiresAt: null,
          warnedOf: null,
          ...tokens,
          _id,
          live: true,
          userId,
          ...(externalId !== undefined && { externalId }),
          service: service.id,
          version: 0,
          pendingRevocation: null,
          outbox: [],
          createdAt: tokens.updatedAt,
          lastRefreshedAt: null
        }
        if (await repository.insert(record)) return record
      } else {
        const updated = await repository.update(existing, tokens)
        if (updated) return updated
      }
    }
    throw new Error('a connection could not be stored for races')
  }

  /** @throws GuichetError `refresh_token_missing` where the answer has none and the stored one is missing, of no use or narrower */
  function sealedTokens(
    { service, identity, answer, askedAtMs }: Grant,
    owned: { _id: ObjectId; userId: ObjectId },
    existing: ConnectionRecord | null
  ) {
    const grantedScopes = answer.scopes ?? ['openid', 'email', ...service.scopes]
    const inSeconds = (seconds: number) => new Date(askedAtMs + seconds * 1000)
    const fresh = answer.refreshToken
    const kept = !fresh && existing && hasUsableRefreshToken(vault, existing, clock.nowMs()) ? existing : undefined
    if (!fresh && (!kept || missingScopes(grantedScopes, kept.grantedScopes).length > 0)) {
      throw new GuichetError('refresh_token_missing', { connectUrl: freshConnectUrl(service.id) })
    }
    return {
      account: { sub: identity.sub, email: identity.email },
      deadReason: null,
      grantedScopes,
      accessToken: sealToken(vault, owned, 'accessToken', answer.accessToken),
      accessTokenExpiresAt: inSeconds(answer.expiresInSeconds),
      // One that is kept is not written: `vault rotate` may have sealed it again since it was read.
      ...(fresh && {
        refreshToken: sealToken(vault, owned, 'refreshToken', fresh),
        refreshTokenExpiresAt: answer.refreshTokenExpiresInSeconds
          ? inSeconds(answer.refreshTokenExpiresInSeconds)
          : null,
        warnedOf: null
      }),
      lease: null,
      cooldownUntil: null,
      updatedAt: new Date(clock.nowMs())
    }
  }

  return async grant => {
    await requireExpected(grant)
    const record = await write(grant)
    // Erasing an account removes the user first: a callback that stores after that takes it back, and nothing is left behind.
    if (!(await findUser(grant.userId))) {
      await finishErasing(grant.userId)
      throw new GuichetError('unauthenticated')
    }
    // A revocation that ended since the code was exchanged may have taken this grant along: Google knows.
    const mayBeDead = await revocations.cancelFor(grant.identity.sub, grant.askedAtMs)
    return mayBeDead ? (await liveToken(record, { refused: grant.answer.accessToken })).connection : record
  }
}
