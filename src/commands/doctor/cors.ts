import { urlUnder } from '../../config/public-url.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient, warning } from './finding.ts'

/** Whether frontends' browsers may call, and whether their cookies come along. */
export const checkCors: Check = async patient => {
  const { allowedOrigins } = patient.config
  if (allowedOrigins.length === 0) return [notChecked('ALLOWED_ORIGINS names no frontend')]
  return Promise.all(allowedOrigins.map(origin => checkOrigin(patient, origin)))
}

async function checkOrigin({ config, fetch }: Patient, origin: string): Promise<Finding> {
  try {
    const { headers } = await fetch(urlUnder(config.publicUrl, '/connections').href, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'DELETE' }
    })
    if (headers.get('access-control-allow-origin') !== origin)
      return fault(
        `the answer at PUBLIC_URL does not let ${origin} in`,
        'The proxy must hand on OPTIONS and leave CORS headers as they are; the server must run with this environment.'
      )
  } catch {
    return notChecked(`${origin}: PUBLIC_URL cannot be reached from here`)
  }
  if (siteOf(new URL(origin).hostname) === siteOf(config.publicUrl.hostname)) return ok(`${origin} is let in`)
  return warning(
    `${origin} is let in, but looks like another site than PUBLIC_URL: browsers send it no cookie`,
    'Put both under one domain (app.example.com beside auth.example.com), or use tickets and the hosted page.'
  )
}

/** Its last two labels: right for most domains, and no more than a hint for the rest. */
const siteOf = (hostname: string) => hostname.split('.').slice(-2).join('.')
