import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { CodedError, GuichetError } from '../errors.ts'
import { lazily } from '../lazily.ts'
import type { Fetch } from './bounded-fetch.ts'
import { type Endpoints, googleIssuer } from './endpoints.ts'
import { createSigningKeys } from './signing-keys.ts'

/** Who Google says signed in: `sub` is the account's stable id, the e-mail address may change. */
export interface Identity {
  issuer: string
  sub: string
  email: string
  emailVerified: boolean
  /** The Workspace domain that manages the account now (Google's `hd`); null for a consumer account. */
  hostedDomain: string | null
  name: string | null
  picture: string | null
}

const jose = lazily<typeof import('jose')>('jose')

/** Clocks may differ by this much: OpenID Connect Core 3.1.3.7 leaves it to us. */
const skewSeconds = 60

const Claims = z.object({
  sub: z.string().min(1).max(255),
  email: z.string().min(3).max(320),
  // Some issuers write it as text. What is neither proves nothing.
  email_verified: z.union([z.boolean(), z.literal('true').transform(() => true)]).catch(false),
  // Text that is not a domain matches nothing.
  hd: z.string().max(255).nullish().catch(''),
  // Only for display: without them, or with null, sign-in goes on.
  name: z.string().max(1000).nullish().catch(null),
  picture: z.string().max(4000).nullish().catch(null),
  nonce: z.string(),
  iat: z.number(),
  exp: z.number(),
  // One audience, alone or as a list of one: a second audience is one we do not trust.
  aud: z.union([z.string(), z.tuple([z.string()])]),
  azp: z.string().nullish()
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
  fetch: Fetch
}): IdTokenVerifier {
  const { endpoints, clientId, clock, fetch } = options
  const keys = createSigningKeys({ jwksUri: async () => (await endpoints()).jwksUri, clock, fetch })

  return {
    async prefetch() {
      await keys.load().catch(() => {})
    },

    async verify(idToken, nonce) {
      const { issuer } = await endpoints()
      try {
        const { payload } = await jose().jwtVerify(idToken ?? '', keys.find, {
          algorithms: ['RS256'],
          issuer: issuer === googleIssuer ? [googleIssuer, 'accounts.google.com'] : issuer,
          audience: clientId,
          clockTolerance: skewSeconds,
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ['exp', 'iat', 'sub']
        })
        const claims = Claims.parse(payload)
        if (typeof claims.azp === 'string' && claims.azp !== clientId) throw new CodedError('azp')
        if (claims.nonce !== nonce) throw new CodedError('nonce')
        if (claims.iat > clock.nowMs() / 1000 + skewSeconds) throw new CodedError('issued_in_future')
        return {
          issuer,
          sub: claims.sub,
          email: claims.email,
          emailVerified: claims.email_verified,
          hostedDomain: claims.hd ?? null,
          name: claims.name ?? null,
          picture: claims.picture ?? null
        }
      } catch (cause) {
        if (cause instanceof GuichetError) throw cause
        throw new GuichetError('google_invalid_response', {
          cause: new CodedError(idToken ? refusalOfToken(cause) : 'missing', cause),
          detail: 'Google sent an id_token that cannot be accepted.'
        })
      }
    }
  }
}

const reasonsOfClaims: Readonly<Record<string, string>> = {
  iss: 'issuer',
  aud: 'audience',
  iat: 'issued_in_future',
  nbf: 'not_yet'
}

/** Why a token of Google's was refused: a closed list. */
export function refusalOfToken(cause: unknown): string {
  const { errors } = jose()
  if (cause instanceof CodedError) return cause.code
  if (cause instanceof errors.JWTExpired) return 'expired'
  if (cause instanceof errors.JWTClaimValidationFailed) return reasonsOfClaims[cause.claim] ?? 'claims'
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys)
    return 'unknown_key'
  if (cause instanceof errors.JOSEAlgNotAllowed || cause instanceof errors.JOSENotSupported) return 'algorithm'
  return cause instanceof z.ZodError ? 'claims' : 'malformed'
}
