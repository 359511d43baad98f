import { basePathOf } from '../config/public-url.ts'
import { isLoopbackHost } from '../config/urls.ts'

export interface SessionCookie {
  name: string
  /** Its attributes, for setting and for clearing it. */
  options: { path: string; secure: boolean; httpOnly: true; sameSite: 'lax' }
}

/**
 * The session's cookie. Its prefix has the browser hold us to `Secure` (RFC 6265bis, section 4.1.3), and to the whole host
 * unless we live under a path. Cookies know no port: on a loopback host, where several guichets may run, the name has it.
 */
export function toSessionCookie(publicUrl: URL): SessionCookie {
  const secure = publicUrl.protocol === 'https:'
  const path = basePathOf(publicUrl) || '/'
  const prefix = secure ? (path === '/' ? '__Host-' : '__Secure-') : ''
  const port = isLoopbackHost(publicUrl.hostname) ? `-${publicUrl.port || (secure ? 443 : 80)}` : ''
  return { name: `${prefix}guichet${port}`, options: { path, secure, httpOnly: true, sameSite: 'lax' } }
}
