import { urlUnder } from '../../config/public-url.ts'
import { toSessionCookie } from '../../http/session-cookie.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient, warning } from './finding.ts'

const mendProxy =
  'The proxy must set X-Forwarded-Proto to https, and TRUST_PROXY must name the address that it comes from.'

/** What a browser meets at PUBLIC_URL: the server, its cookie, and who it takes the browser for. */
export const checkProxy: Check = async patient => {
  const reached = await checkReach(patient)
  if (reached.state !== 'ok') return [reached, notChecked('the cookie: PUBLIC_URL comes first')]
  return [reached, ...(await checkCookie(patient))]
}

async function checkReach({ config, fetch }: Patient): Promise<Finding> {
  const { href } = urlUnder(config.publicUrl, '/readyz')
  try {
    const response = await fetch(href)
    const body = (await response.json().catch(() => ({}))) as { status?: unknown; code?: unknown }
    if (response.ok && body.status === 'ok') return ok('PUBLIC_URL leads to a guichet that is ready')
    if (typeof body.code === 'string' && response.status === 503)
      return fault('the guichet at PUBLIC_URL is not ready', 'Its log says what is not prepared.')
    return fault(
      `PUBLIC_URL leads to something else (status ${response.status} for ${href})`,
      'The proxy must hand on PUBLIC_URL and all below it to HOST and PORT.'
    )
  } catch {
    return fault(`PUBLIC_URL cannot be reached from here (${href})`, 'Start the server; check DNS, TLS and the proxy.')
  }
}

async function checkCookie({ config, fetch }: Patient): Promise<Finding[]> {
  const { href } = urlUnder(config.publicUrl, '/auth/google')
  const { name } = toSessionCookie(config.publicUrl)
  const response = await fetch(href, { headers: { accept: 'application/json' } })
  if (response.status !== 200)
    return [
      fault(`a sign-in cannot be started at PUBLIC_URL (status ${response.status})`, 'The server’s log says why.')
    ]
  const cookie = response.headers.getSetCookie().find(line => line.startsWith(`${name}=`))
  if (!cookie) return [fault('no cookie is set through PUBLIC_URL: nobody can sign in', mendProxy)]
  const isSecure = /; *secure/i.test(cookie)
  if (config.publicUrl.protocol === 'https:' && !isSecure)
    return [fault('the cookie loses its Secure on the way', 'The proxy must leave Set-Cookie as it is.')]
  const { url } = (await response.json()) as { url: string }
  const redirectUri = new URL(url).searchParams.get('redirect_uri')
  if (redirectUri !== urlUnder(config.publicUrl, '/auth/google/callback').href)
    return [fault('the server at PUBLIC_URL runs with another PUBLIC_URL', 'Give both the same environment.')]
  return [ok('the cookie arrives through PUBLIC_URL'), await checkSpoofing(config.publicUrl, fetch)]
}

/** A client's own X-Forwarded-Proto must not get through: with it a secure cookie would go missing. */
async function checkSpoofing(publicUrl: URL, fetch: Patient['fetch']): Promise<Finding> {
  if (publicUrl.protocol !== 'https:') return ok('no proxy is needed: PUBLIC_URL is this machine')
  const { name } = toSessionCookie(publicUrl)
  const response = await fetch(urlUnder(publicUrl, '/auth/google').href, {
    headers: { accept: 'application/json', 'x-forwarded-proto': 'http' }
  })
  if (response.headers.getSetCookie().some(line => line.startsWith(`${name}=`)))
    return ok('the proxy replaces what a client sends of forwarded headers')
  return warning('a client’s own X-Forwarded-Proto gets through the proxy', 'The proxy must set it, not append to it.')
}
