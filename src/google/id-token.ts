import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { GuichetError } from '../errors.ts'
import { type Endpoints, googleIssuer } from './endpoints.ts'

/** Who Google says signed in: `sub` is the account's stable id, the e-mail address may change. */
export interface Identity {
  issuer: string
  sub: string
  email: string
  emailVerified: boolean
  name: string | undefined
  picture: string | undefined
}

/** Clocks may differ by this much: OpenID Connect Core 3.1.3.7 leaves it to us. */
const skewSeconds = 60

const Claims = z.object({
  sub: z.string().min(1).max(255),
  email: z.string().min(3).max(320),
  email_verified: z.boolean().default(false),
  name: z.string().max(1000).optional(),
  picture: z.string().max(4000).optional(),
  nonce: z.string(),
  iat: z.number(),
  exp: z.number(),
  aud: z.string(),
  azp: z.string().optional()
})

export interface IdTokenVerifier {
  /**
   * Checks an id_token as OpenID Connect Core 3.1.3.7 says.
   * @throws GuichetError `google_invalid_response` for a token that proves nothing, `google_unavailable` without keys to check it with
   */
  verify(idToken: string | undefined, nonce: string): Promise<Identity>
  /** Fetches the keys ahead of the first sign-in; a failure is left to that sign-in. */
  prefetch(): Promise<void>
}

export function createIdTokenVerifier(options: {
  endpoints: () => Promise<Endpoints>
  clientId: string
  clock: Clock
  fetch: typeof globalThis.fetch
}): IdTokenVerifier {
  const { endpoints, clientId, clock, fetch } = options
  let remote: ReturnType<typeof createRemoteJWKSet> | undefined

  async function keys(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    const { jwksUri } = await endpoints()
    // A token with an unknown kid makes one refetch a minute at most, however many such tokens come.
    remote ??= createRemoteJWKSet(new URL(jwksUri), { [customFetch]: fetch, cooldownDuration: 60_000 })
    return remote
  }

  return {
    async prefetch() {
      await (await keys()).reload().catch(() => {})
    },

    async verify(idToken, nonce) {
      const { issuer } = await endpoints()
      const jwks = await keys()
      try {
        const { payload } = await jwtVerify(idToken ?? '', tolerant(jwks), {
          algorithms: ['RS256'],
          issuer: issuer === googleIssuer ? [googleIssuer, 'accounts.google.com'] : issuer,
          audience: clientId,
          clockTolerance: skewSeconds,
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ['exp', 'iat', 'sub']
        })
        // `aud` must be one string: a second audience is one we do not trust.
        const claims = Claims.parse(payload)
        if (claims.azp !== undefined && claims.azp !== clientId) throw new Error('azp is another client')
        if (claims.nonce !== nonce) throw new Error('nonce differs')
        if (claims.iat > clock.nowMs() / 1000 + skewSeconds) throw new Error('issued in the future')
        return {
          issuer,
          sub: claims.sub,
          email: claims.email,
          emailVerified: claims.email_verified,
          name: claims.name,
          picture: claims.picture
        }
      } catch (cause) {
        if (cause instanceof GuichetError) throw cause
        throw new GuichetError('google_invalid_response', {
          cause,
          detail: 'Google sent an id_token that cannot be accepted.'
        })
      }
    }
  }
}

/** While the keys cannot be fetched again, the last good ones go on serving. */
function tolerant(remote: ReturnType<typeof createRemoteJWKSet>): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      const last = remote.jwks()
      if (last) return createLocalJWKSet(last)(header, token)
      throw new GuichetError('google_unavailable', { cause })
    }
  }
}
