import { ObjectId } from 'mongodb'
import type { UserRecord, Users } from '../accounts/users.ts'
import type { Clock } from '../clock.ts'
import { GuichetError } from '../errors.ts'
import type { Identity } from '../google/id-token.ts'
import type { TokenAnswer } from '../google/token-answer.ts'
import { missingScopes, type Service } from '../services.ts'
import type { Vault } from '../vault/vault.ts'
import { type ConnectionRecord, sealToken, statusOf } from './connection.ts'
import type { Disconnect } from './disconnect.ts'
import type { LiveTokens } from './live-token.ts'
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

export interface Connect {
  /**
   * Stores a grant: the same Google account updates its record in place, another becomes a second connection.
   * Durable by majority when it resolves.
   * @throws GuichetError `refresh_token_missing`, `account_mismatch`, `not_found`
   */
  store(grant: Grant): Promise<ConnectionRecord>
}

/** Each lost race means that another callback won: more than this many in a row is a bug. */
const maxRaces = 100

export function createConnect(options: {
  repository: ConnectionRepository
  users: Users
  vault: Vault
  clock: Clock
  revocations: Revocations
  disconnect: Disconnect
  liveToken: LiveTokens
  connectUrl: (connection: Pick<ConnectionRecord, '_id' | 'service'>) => string
  freshConnectUrl: (service: string) => string
}): Connect {
  const { repository, users, vault, clock, revocations, disconnect, liveToken, connectUrl, freshConnectUrl } = options

  /** The account that was meant, or the grant is given back: unless a sibling stands on it, it is revoked. */
  async function requireMeantAccount(grant: Grant): Promise<void> {
    const { userId, service, identity, answer, connectionId, expectedEmail } = grant
    const repaired = connectionId && (await repository.find(connectionId))
    if (connectionId && !repaired?.userId.equals(userId)) throw new GuichetError('not_found')
    const isMeant = !repaired || repaired.account.sub === identity.sub
    const isExpected = expectedEmail === null || expectedEmail.toLowerCase() === identity.email.toLowerCase()
    if (isMeant && isExpected) return
    const token = answer.refreshToken ?? answer.accessToken
    await revocations.owe({ userId, service: service.id, sub: identity.sub, token })
    await revocations.settle(identity.sub)
    throw new GuichetError('account_mismatch', repaired ? { connectUrl: connectUrl(repaired) } : {})
  }

  async function write(grant: Grant, { externalId }: UserRecord): Promise<ConnectionRecord> {
    const { userId, service, identity } = grant
    for (let race = 0; race < maxRaces; race++) {
      const existing = await repository.findAccount({ userId, service: service.id, sub: identity.sub })
      const _id = existing?._id ?? new ObjectId()
      const tokens = sealedTokens(grant, { _id, userId }, existing)
      if (!existing) {
        const record: ConnectionRecord = {
          ...tokens,
          _id,
          live: true,
          userId,
          ...(externalId !== undefined && { externalId }),
          service: service.id,
          version: 0,
          owed: null,
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

  /** @throws GuichetError `refresh_token_missing` where the answer has none and the stored one is none, dead or narrower */
  function sealedTokens(
    { service, identity, answer, askedAtMs }: Grant,
    owned: { _id: ObjectId; userId: ObjectId },
    existing: ConnectionRecord | null
  ) {
    const grantedScopes = answer.scopes ?? ['openid', 'email', ...service.scopes]
    const inSeconds = (seconds: number) => new Date(askedAtMs + seconds * 1000)
    const fresh = answer.refreshToken
    const hasEnded = (existing?.refreshTokenExpiresAt?.getTime() ?? Infinity) <= clock.nowMs()
    const kept = existing && statusOf(existing) !== 'needs_reconnect' && !hasEnded ? existing : undefined
    if (!fresh && (!kept || missingScopes(grantedScopes, kept.grantedScopes).length > 0)) {
      throw new GuichetError('refresh_token_missing', { connectUrl: freshConnectUrl(service.id) })
    }
    return {
      account: { sub: identity.sub, email: identity.email },
      deadReason: null,
      grantedScopes,
      accessToken: sealToken(vault, owned, 'accessToken', answer.accessToken),
      accessTokenExpiresAt: inSeconds(answer.expiresInSeconds),
      refreshToken: fresh ? sealToken(vault, owned, 'refreshToken', fresh) : (kept?.refreshToken ?? ''),
      refreshTokenExpiresAt: fresh
        ? answer.refreshTokenExpiresInSeconds
          ? inSeconds(answer.refreshTokenExpiresInSeconds)
          : null
        : (kept?.refreshTokenExpiresAt ?? null),
      lease: null,
      cooldownUntil: null,
      warnedOf: null,
      updatedAt: new Date(clock.nowMs())
    }
  }

  return {
    async store(grant) {
      await requireMeantAccount(grant)
      const user = await users.find(grant.userId)
      if (!user) throw new GuichetError('unauthenticated')
      const record = await write(grant, user)
      // Erasing an account removes the user first: whoever stores after that takes it back, and none is left behind.
      if (!(await users.find(grant.userId))) {
        await disconnect(record)
        throw new GuichetError('unauthenticated')
      }
      // A revocation that ended since the code was exchanged may have taken this grant along: Google knows.
      const mayBeDead = await revocations.dropFor(grant.identity.sub, grant.askedAtMs)
      return mayBeDead ? (await liveToken(record, { refused: grant.answer.accessToken })).connection : record
    }
  }
}
