import { json, type RecordedRequest, type Reply } from './http.ts'
import type { World } from './world.ts'

/**
 * Client authentication by HTTP Basic or in the body, exactly one of them (RFC 6749, 2.3.1).
 * Answers the refusal, or undefined when the client is who it says.
 */
export function authenticateClient(
  world: World,
  request: RecordedRequest,
  parameters: Map<string, string>
): Reply | undefined {
  const header = request.headers.authorization
  const inBody = parameters.has('client_secret')
  if (header !== undefined && inBody) {
    world.violations.push('token: two client authentications at once')
    return json(400, { error: 'invalid_request', error_description: 'two client authentications at once' })
  }
  const id = parameters.get('client_id')
  const basic = header === undefined ? undefined : readBasic(header)
  const isGood = basic
    ? basic.id === world.client.id && basic.secret === world.client.secret && (id === undefined || id === basic.id)
    : header === undefined && id === world.client.id && parameters.get('client_secret') === world.client.secret
  if (isGood) return undefined
  return json(
    401,
    { error: 'invalid_client', error_description: 'The OAuth client was not found.' },
    { 'www-authenticate': 'Basic realm="fake Google"' }
  )
}

// Both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
function readBasic(header: string): { id: string; secret: string } | undefined {
  const match = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(header)
  const [id, secret, ...rest] = Buffer.from(match?.[1] ?? '', 'base64')
    .toString('utf8')
    .split(':')
  if (id === undefined || secret === undefined || rest.length > 0) return undefined
  try {
    return { id: formDecode(id), secret: formDecode(secret) }
  } catch {
    return undefined
  }
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
