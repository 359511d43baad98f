import { AUTHORIZATION_PATH } from './authorization.ts'
import { authenticateClient } from './client-authentication.ts'
import { isForm, json, type RecordedRequest, type Reply, readParameters } from './http.ts'
import { KNOWN_SCOPES, USERINFO_EMAIL, USERINFO_PROFILE } from './scopes.ts'
import type { World } from './world.ts'

export const PATHS = {
  discovery: '/.well-known/openid-configuration',
  jwks: '/oauth2/v3/certs',
  authorization: AUTHORIZATION_PATH,
  token: '/token',
  revoke: '/revoke',
  userinfo: '/v1/userinfo'
} as const

export function serveDiscovery(world: World): Reply {
  return json(
    200,
    {
      issuer: world.origin,
      authorization_endpoint: world.origin + PATHS.authorization,
      token_endpoint: world.origin + PATHS.token,
      revocation_endpoint: world.origin + PATHS.revoke,
      userinfo_endpoint: world.origin + PATHS.userinfo,
      jwks_uri: world.origin + PATHS.jwks,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: KNOWN_SCOPES,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'name', 'picture', 'sub'],
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      ...(world.settings.issParameterSupported ? { authorization_response_iss_parameter_supported: true } : {})
    },
    { 'cache-control': 'public, max-age=3600' }
  )
}

export function serveJwks(world: World): Reply {
  return json(200, { keys: world.keys.published() }, { 'cache-control': 'public, max-age=3600' })
}

/** Takes the whole grant of the account, whichever of its tokens is shown; 400 invalid_token when it is already gone. */
export function serveRevocation(world: World, request: RecordedRequest): Reply {
  const violation = (description: string) => {
    world.violations.push(`revoke: ${description}`)
    return json(400, { error: 'invalid_request', error_description: description })
  }
  if (request.method !== 'POST') return json(405, { error: 'invalid_request' }, { allow: 'POST' })
  // Google accepts ?token= too; a token must not be in a URL.
  if (request.query !== '') return violation('parameters in the URL')
  if (!isForm(request)) return violation('not a form')
  let token: string | undefined
  try {
    const parameters = readParameters(request.body, ['token', 'token_type_hint', 'client_id', 'client_secret'])
    // Google needs no client authentication here, but a wrong one is refused.
    if (parameters.has('client_id') || request.headers.authorization !== undefined) {
      const refused = authenticateClient(world, request, parameters)
      if (refused) return refused
    }
    token = parameters.get('token')
  } catch (error) {
    return violation(error instanceof Error ? error.message : 'malformed')
  }
  if (!token) return violation('missing parameter: token')
  const living = world.grants.openRefreshToken(token) ?? world.grants.openAccessToken(token)
  if (!living) return json(400, { error: 'invalid_token', error_description: 'Token expired or revoked' })
  world.grants.revoke(living.sub)
  return json(200, {})
}

export function serveUserinfo(world: World, request: RecordedRequest): Reply {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
  const token = world.grants.openAccessToken(bearer ?? '')
  if (!token) return json(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' })
  if (!token.scopes.includes('openid')) return json(403, { error: 'insufficient_scope' })
  const user = world.users.require(token.sub)
  return json(200, {
    sub: user.sub,
    ...(token.scopes.includes(USERINFO_EMAIL) ? { email: user.email, email_verified: user.emailVerified } : {}),
    ...(token.scopes.includes(USERINFO_PROFILE) ? { name: user.name, picture: user.picture } : {})
  })
}
