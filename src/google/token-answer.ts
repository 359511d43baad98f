import { z } from 'zod'
import { GuichetError } from '../errors.ts'
import { unusable } from './unusable.ts'

/** A token endpoint's good answer (RFC 6749, section 5.1), checked and in our terms. */
export interface TokenAnswer {
  accessToken: string
  /** How long the access token lives, counted from when it was asked for. */
  expiresInSeconds: number
  /** Undefined if the answer has none, or an empty one. */
  refreshToken: string | undefined
  /** How long the refresh token lives, where Google announces it (an OAuth client in Testing mode: 7 days). */
  refreshTokenExpiresInSeconds: number | undefined
  /** Undefined if the answer does not say, or says nothing: then what was asked for was granted (RFC 6749, section 5.1). */
  scopes: string[] | undefined
  idToken: string | undefined
}

const maxExpiresInSeconds = 86_400
/** Ten years: an upper bound for a date that can be stored and shown, whatever Google sends. */
const maxRefreshTokenExpiresInSeconds = 315_360_000
/** For an answer that does not say how long its token lives: enough to use it once. */
const unknownExpiresInSeconds = 60

const token = z.string().regex(/^[\x21-\x7e]{1,8192}$/)
const seconds = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,12}$/)
    .transform(Number)
])

const Answer = z.object({
  access_token: token,
  token_type: z.string().regex(/^bearer$/i),
  expires_in: seconds.pipe(z.number().positive()).nullish(),
  refresh_token: z.union([token, z.literal(''), z.null()]).optional(),
  refresh_token_expires_in: seconds.pipe(z.number().positive()).optional().catch(undefined),
  scope: z.string().max(8192).nullish(),
  // A refresh does not need it; where it is needed, its verifier refuses a missing one.
  id_token: z.string().max(16_384).optional().catch(undefined)
})

/** @throws GuichetError `google_invalid_response` */
export function parseTokenAnswer(body: unknown): TokenAnswer {
  const parsed = Answer.safeParse(body)
  if (!parsed.success) throw new GuichetError('google_invalid_response', { cause: unusable(parsed.error) })
  const answer = parsed.data
  const scopes = answer.scope?.split(' ').filter(scope => scope !== '') ?? []
  return {
    accessToken: answer.access_token,
    expiresInSeconds: Math.min(answer.expires_in ?? unknownExpiresInSeconds, maxExpiresInSeconds),
    refreshToken: answer.refresh_token || undefined,
    refreshTokenExpiresInSeconds:
      answer.refresh_token_expires_in && Math.min(answer.refresh_token_expires_in, maxRefreshTokenExpiresInSeconds),
    scopes: scopes.length > 0 ? scopes : undefined,
    idToken: answer.id_token
  }
}
