import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../clock.ts'
import { GuichetError } from '../errors.ts'

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>

/** Keys older than this are fetched anew. */
const maxAgeMs = 600_000
/** How often that is tried at most, and how often for kids that are not known. */
const cooldownMs = 60_000

export interface SigningKeys {
  /** @throws GuichetError `google_unavailable` while there are no keys; jose's errors for a token that none of them fits */
  find: JWTVerifyGetKey
  /** Fetches them ahead of the first token. */
  load(): Promise<void>
}

/**
 * The issuer's published keys. jose's own cooldown counts from any fetch, so that a key which is new shortly after one
 * would be refused for the rest of a minute: here only fetches for unknown kids count. Known keys serve while
 * they cannot be fetched again.
 */
export function createSigningKeys(options: {
  jwksUri: () => Promise<string>
  clock: Clock
  fetch: typeof globalThis.fetch
}): SigningKeys {
  const { jwksUri, clock, fetch } = options
  let remote: RemoteKeys | undefined
  let loadedAtMs = 0

  async function keys(): Promise<RemoteKeys> {
    const url = new URL(await jwksUri())
    // When to fetch is decided here.
    const never = { cooldownDuration: Infinity, cacheMaxAge: Infinity }
    remote ??= createRemoteJWKSet(url, { [customFetch]: fetch, ...never })
    return remote
  }

  async function load(): Promise<void> {
    await (await keys()).reload()
    loadedAtMs = clock.nowMs()
  }

  /** However many ask, there is one fetch in a cooldown; all wait for it, and its failure changes nothing. */
  function createRenewal(): () => Promise<void> {
    let triedAtMs = -Infinity
    let renewal = Promise.resolve()
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
    load,
    async find(header, token) {
      const set = await keys()
      if (!set.jwks()) {
        await load().catch(cause => {
          throw new GuichetError('google_unavailable', { cause })
        })
      } else if (clock.nowMs() - loadedAtMs >= maxAgeMs) await renewOld()
      try {
        return await set(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        await renewForUnknown()
        return set(header, token)
      }
    }
  }
}
