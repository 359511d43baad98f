import type { Config } from '../config/config.ts'
import { GuichetError } from '../errors.ts'

/** Four times what anyone may ask for: a start that goes through sign-in first wraps what it was asked for, encoded. */
export const maxReturnToLength = 8000

/**
 * Whether a browser may be sent there after a flow: a path of ours, or a URL of a listed origin. Decided by the URL
 * parser that browsers follow, and on its result: `//evil`, `/\evil` and their like parse to another origin.
 */
export function isAllowedReturn(returnTo: string, publicUrl: URL, allowedOrigins: readonly string[]): boolean {
  // Parsers drop or change these characters; no real return link needs them.
  if (returnTo.length > maxReturnToLength || /[\s\\\p{Cc}]/u.test(returnTo)) return false
  if (!URL.canParse(returnTo, publicUrl.href)) return false
  const url = new URL(returnTo, publicUrl)
  if (url.username || url.password) return false
  // `/.//evil` stays here, but its path is `//evil`: alone in a Location it would lead away.
  if (url.pathname.startsWith('//') && url.origin === publicUrl.origin) return false
  if (returnTo.startsWith('/')) return url.origin === publicUrl.origin && !returnTo.startsWith('//')
  return allowedOrigins.includes(url.origin) && returnTo.startsWith(url.origin)
}

/**
 * `place` is where it was given, as Fastify names the parts of a request.
 * @throws GuichetError `invalid_request` for what `isAllowedReturn` refuses
 */
export function requireReturnTo(
  returnTo: string | undefined,
  place: 'querystring' | 'body',
  { publicUrl, allowedOrigins }: Pick<Config, 'publicUrl' | 'allowedOrigins'>
): string | null {
  if (returnTo === undefined) return null
  if (isAllowedReturn(returnTo, publicUrl, allowedOrigins)) return returnTo
  throw new GuichetError('invalid_request', {
    errors: [{ pointer: `/${place}/returnTo`, message: 'must be a local path or of a listed origin' }]
  })
}
