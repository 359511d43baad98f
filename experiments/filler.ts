import { ObjectId } from 'mongodb'
import { type ConnectionRecord, sealToken } from '../src/connections/record.ts'
import { type FlowRecord, sealFlow } from '../src/flows/flows.ts'
import type { Vault } from '../src/vault/vault.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

const batch = 1_000

/** Puts so many sealed records into the database, past every server; gives what is in them, by id. */
export async function fillVault(
  { collections }: World,
  wanted: { vault: Vault; connections: number; flows: number; random: Random }
): Promise<Map<string, string>> {
  const { vault, random } = wanted
  const plain = new Map<string, string>()
  const token = () => `1//0${Array.from({ length: 12 }, () => random.below(2 ** 32).toString(36)).join('')}`
  const now = new Date()
  const later = new Date(now.getTime() + 86_400_000)

  function connection(): ConnectionRecord {
    const owned = { _id: new ObjectId(), userId: new ObjectId() }
    const secret = token()
    plain.set(owned._id.toHexString(), secret)
    return {
      ...owned,
      live: true,
      service: 'gmail',
      account: { sub: owned._id.toHexString(), email: 'someone@example.com' },
      deadReason: null,
      grantedScopes: [],
      accessToken: sealToken(vault, owned, 'accessToken', `ya29.${secret}`),
      refreshToken: sealToken(vault, owned, 'refreshToken', secret),
      accessTokenExpiresAt: later,
      refreshTokenExpiresAt: null,
      version: 0,
      lease: null,
      cooldownUntil: null,
      pendingRevocation: null,
      outbox: [],
      warnedOf: null,
      createdAt: now,
      updatedAt: now,
      lastRefreshedAt: null
    }
  }

  function flow(): FlowRecord {
    const secret = token()
    const identity = { _id: `flow ${secret}`, sessionId: token() }
    plain.set(identity._id, secret)
    return {
      ...identity,
      purpose: 'connect',
      service: 'gmail',
      userId: null,
      sealed: sealFlow(vault, identity, secret),
      returnTo: null,
      connectionId: null,
      expectedEmail: null,
      createdAt: now,
      expiresAt: later
    }
  }

  for (const count of batches(wanted.connections))
    await collections.connections.insertMany(Array.from({ length: count }, connection))
  for (const count of batches(wanted.flows)) await collections.flows.insertMany(Array.from({ length: count }, flow))
  return plain
}

function* batches(total: number): Generator<number> {
  for (let left = total; left > 0; left -= batch) yield Math.min(left, batch)
}
