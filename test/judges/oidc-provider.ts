import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { findFreePort } from '@guichet/fake-google/free-port'
import { interactionPolicy, Provider, type StoredToken } from 'oidc-provider'
import type { Test } from 'tap'
import { services } from '../../src/catalogue.ts'
import { callbacks, type Judge } from './judge.ts'

export interface OidcProvider extends Judge {
  provider: Provider
  /** Every refresh token it issued, oldest first. */
  refreshTokens: StoredToken[]
  /** What it refused at its token and revocation endpoints. */
  refusals: string[]
  /** How many of these it granted. */
  granted: number
  /** Holds the answers of the token endpoint back until this is settled. */
  gate: Promise<unknown>
}

/**
 * node-oidc-provider, certified by the OpenID Foundation: PKCE is required, each refresh brings a new refresh token, a used
 * one that comes again ends the whole grant, and its revocation endpoint wants to know who the client is.
 */
export async function startOidcProvider(t: Test, issuerSuffix = ''): Promise<OidcProvider> {
  const port = await findFreePort()
  const [clientId, clientSecret] = ['judged', 'the secret of the judged, long enough']
  // Google's word for "ask which account", which OpenID Connect knows and this provider has to be told of.
  const policy = interactionPolicy.base()
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const provider = new Provider(`http://127.0.0.1:${port}${issuerSuffix}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: callbacks,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post'
      }
    ],
    scopes: ['openid', 'email', 'profile', ...services.flatMap(({ scopes }) => scopes)],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // As Google does, the id_token holds what the scopes allow.
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId, email: 'ada@example.com', email_verified: true, name: 'Ada' })
    }),
    interactions: { policy, url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86_400, IdToken: 3600, RefreshToken: 86_400 },
    cookies: { keys: ['a key for cookies of this test'] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'judge-1' }] }
  })
  const self: OidcProvider = {
    issuer: `http://127.0.0.1:${port}${issuerSuffix}`,
    clientId,
    clientSecret,
    provider,
    refreshTokens: [],
    refusals: [],
    granted: 0,
    gate: Promise.resolve(),
    consent
  }
  provider.on('refresh_token.saved', token => {
    if (!self.refreshTokens.some(({ jti }) => jti === token.jti)) self.refreshTokens.push(token)
  })
  provider.on('grant.success', () => {
    self.granted += 1
  })
  provider.on('grant.error', (_context, error) => self.refusals.push(error.message))
  provider.on('revocation.error', (_context, error) => self.refusals.push(error.message))

  const handle = provider.callback()
  const server = createServer(async (request, response) => {
    try {
      if (request.url?.startsWith('/token')) await self.gate
      if (!request.url?.startsWith('/interaction/')) return handle(request, response)
      const { params } = await provider.interactionDetails(request, response)
      const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id })
      grant.addOIDCScope(params.scope)
      const consent = { grantId: await grant.save() }
      await provider.interactionFinished(request, response, {
        login: { accountId: 'ada' },
        select_account: {},
        consent
      })
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  }).listen(port, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return self
}

/** Follows the redirects as a browser does, until they lead back to the app. */
async function consent(authorizationUrl: string): Promise<string> {
  const cookies = new Map<string, string>()
  let url = authorizationUrl
  for (let hop = 0; hop < 8; hop++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (!location) throw new Error(`${url} answered ${answer.status} ${await answer.text()}`)
    url = new URL(location, url).href
    if (callbacks.some(callback => url.startsWith(callback))) return url
  }
  throw new Error('it never came back')
}
