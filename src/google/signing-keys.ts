import type { createLocalJWKSet, JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { Clock } from '../clock.ts'
import { CodedError, GuichetError } from '../errors.ts'
import { lazily } from '../lazily.ts'
import type { Fetch } from './bounded-fetch.ts'

const jose = lazily<typeof import('jose')>('jose')

/** Keys older than this are fetched again. */
const maxAgeMs = 600_000
/** How often that is tried at most, and how often for kids that are not known. */
const cooldownMs = 60_000

type KeySet = ReturnType<typeof createLocalJWKSet>

export interface SigningKeys {
  /** @throws GuichetError `google_unavailable` while there are no keys; jose's errors for a token that none of them fits */
  find: JWTVerifyGetKey
  /** Fetches them ahead of the first token. */
  load(): Promise<void>
}

/**
 * The issuer's published keys. jose's own cooldown would count from any fetch, so that a key which is new shortly after
 * one would be refused for the rest of a minute: here only fetches for unknown kids count. Known keys serve while
 * they cannot be fetched again.
 */
export function createSigningKeys(options: {
  jwksUri: () => Promise<string>
  clock: Clock
  fetch: Fetch
}): SigningKeys {
  const { jwksUri, clock, fetch } = options
  let known: KeySet | undefined
  let loading: Promise<KeySet> | undefined
  let loadedAtMs = 0

  async function read(): Promise<KeySet> {
    const response = await fetch(await jwksUri())
    if (!response.ok) throw new CodedError(`status_${response.status}`)
    // Refuses an answer that is not a key set, and keeps the known keys.
    known = jose().createLocalJWKSet((await response.json()) as JSONWebKeySet)
    loadedAtMs = clock.nowMs()
    return known
  }

  function load(): Promise<KeySet> {
    loading ??= read().finally(() => {
      loading = undefined
    })
    return loading
  }

  /** However many ask, there is one fetch in a cooldown; all wait for it, and its failure changes nothing. */
  function createRenewal(): () => Promise<unknown> {
    let triedAtMs = -Infinity
    let renewal: Promise<unknown> = Promise.resolve()
    return () => {
      if (clock.nowMs() - triedAtMs < cooldownMs) return renewal
      triedAtMs = clock.nowMs()
      renewal = load().catch(() => {})
      return renewal
    }
  }
  const renewOld = createRenewal()
  const renewForUnknown = createRenewal()

  return {
    async load() {
      if (!known) await load()
    },
    async find(header, token) {
      if (known && clock.nowMs() - loadedAtMs >= maxAgeMs) await renewOld()
      const keys =
        known ??
        (await load().catch(cause => {
          throw new GuichetError('google_unavailable', { cause })
        }))
      try {
        return await keys(header, token)
      } catch (error) {
        if (!(error instanceof jose().errors.JWKSNoMatchingKey)) throw error
        await renewForUnknown()
        return (known ?? keys)(header, token)
      }
    }
  }
}
