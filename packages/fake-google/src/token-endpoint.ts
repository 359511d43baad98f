import { createHash } from 'node:crypto'
import type { Authorization } from './authorization.ts'
import { authenticateClient } from './client-authentication.ts'
import type { Token } from './grants.ts'
import { isForm, json, type RecordedRequest, type Reply, readParameters } from './http.ts'
import type { World } from './world.ts'

/** The refusal of every refresh of one account, for instance `{ error: 'invalid_grant', error_subtype: 'invalid_rapt' }`. */
export interface RefreshRefusal {
  /** Default 400. */
  status?: number
  /** Default invalid_grant. */
  error?: string
  error_subtype?: string
  error_description?: string
}

const CREDENTIALS = ['grant_type', 'client_id', 'client_secret']
const KNOWN_PARAMETERS: Record<string, string[]> = {
  authorization_code: [...CREDENTIALS, 'code', 'redirect_uri', 'code_verifier'],
  refresh_token: [...CREDENTIALS, 'refresh_token', 'scope']
}

export interface TokenEndpoint {
  serve(request: RecordedRequest): Reply
  /** Refuses the refreshes of this account from now on; undefined takes the refusal back. */
  refuseRefresh(sub: string, refusal: RefreshRefusal | undefined): void
}

export function createTokenEndpoint(world: World, authorization: Authorization): TokenEndpoint {
  const refusals = new Map<string, RefreshRefusal>()

  /** A refusal that only a client's fault can cause. */
  function violation(error: string, description: string): Reply {
    world.violations.push(`token: ${description}`)
    return oauthError(error, description)
  }

  function serve(request: RecordedRequest): Reply {
    if (request.method !== 'POST') return json(405, { error: 'invalid_request' }, { allow: 'POST' })
    if (request.query !== '') return violation('invalid_request', 'parameters in the URL')
    if (!isForm(request)) return violation('invalid_request', 'not a form')
    const grantType = new URLSearchParams(request.body).get('grant_type') ?? ''
    const known = KNOWN_PARAMETERS[grantType]
    if (!known) return violation('unsupported_grant_type', 'unsupported grant_type')
    let parameters: Map<string, string>
    try {
      parameters = readParameters(request.body, known)
    } catch (error) {
      return violation('invalid_request', error instanceof Error ? error.message : 'malformed')
    }
    const refused = authenticateClient(world, request, parameters)
    if (refused) return refused
    return grantType === 'refresh_token' ? refresh(parameters) : exchange(parameters)
  }

  function exchange(parameters: Map<string, string>): Reply {
    for (const name of ['code', 'redirect_uri', 'code_verifier']) {
      if (!parameters.get(name)) return violation('invalid_request', `missing parameter: ${name}`)
    }
    const verifier = parameters.get('code_verifier') ?? ''
    world.ledger.record('code_verifier', verifier)
    const code = authorization.findCode(parameters.get('code') ?? '')
    if (!code) return oauthError('invalid_grant', 'Malformed auth code.')
    if (code.used) {
      for (const token of code.family) token.revoked = true
      return violation('invalid_grant', 'code used twice')
    }
    // Any attempt uses up the code, so that guessing has one try.
    code.used = true
    const isOver = code.expiresAtMs <= world.nowMs() || world.grants.find(code.sub) !== code.grant
    if (isOver) return oauthError('invalid_grant', 'Bad Request')
    if (parameters.get('redirect_uri') !== code.redirectUri) return violation('invalid_grant', 'redirect_uri mismatch')
    if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return violation('invalid_grant', 'malformed code_verifier')
    if (createHash('sha256').update(verifier).digest('base64url') !== code.codeChallenge) {
      return violation('invalid_grant', 'code_verifier does not match the code_challenge')
    }
    const accessToken = world.grants.issueAccessToken(code.sub, code.scopes, code.family)
    const refreshToken = code.withRefreshToken
      ? world.grants.issueRefreshToken(code.sub, code.scopes, code.family)
      : undefined
    return tokens(accessToken, refreshToken, code.nonce)
  }

  function refresh(parameters: Map<string, string>): Reply {
    const value = parameters.get('refresh_token')
    if (!value) return violation('invalid_request', 'missing parameter: refresh_token')
    const refusal = refusals.get(world.ledger.ownerOf(value) ?? '')
    if (refusal) {
      const { status = 400, error = 'invalid_grant', ...rest } = refusal
      return json(status, { error, ...rest })
    }
    const old = world.grants.openRefreshToken(value)
    if (!old) return oauthError('invalid_grant', 'Token has been expired or revoked.')
    const asked = parameters.get('scope')?.split(' ') ?? old.scopes
    if (!asked.every(scope => old.scopes.includes(scope))) return violation('invalid_scope', 'scope beyond the grant')
    const accessToken = world.grants.issueAccessToken(old.sub, asked, old.family)
    if (!world.settings.rotateRefreshTokens) return tokens(accessToken, undefined, undefined, old.expiresAtMs)
    old.revoked = true
    return tokens(accessToken, world.grants.issueRefreshToken(old.sub, old.scopes, old.family, old.expiresAtMs))
  }

  function tokens(
    accessToken: Token,
    refreshToken: Token | undefined,
    nonce?: string,
    refreshDeadlineMs = refreshToken?.expiresAtMs ?? Infinity
  ): Reply {
    const { value, sub, scopes } = accessToken
    const idToken = scopes.includes('openid')
      ? world.idTokens.issue(world.users.require(sub), scopes, value, nonce)
      : undefined
    return json(200, {
      access_token: value,
      expires_in: world.settings.accessTokenLifetimeSeconds,
      ...(refreshToken ? { refresh_token: refreshToken.value } : {}),
      ...(refreshDeadlineMs === Infinity
        ? {}
        : { refresh_token_expires_in: Math.floor((refreshDeadlineMs - world.nowMs()) / 1000) }),
      scope: scopes.join(' '),
      token_type: 'Bearer',
      ...(idToken === undefined ? {} : { id_token: idToken })
    })
  }

  return {
    serve,
    refuseRefresh(sub, refusal) {
      if (refusal) refusals.set(sub, refusal)
      else refusals.delete(sub)
    }
  }
}

function oauthError(error: string, description: string): Reply {
  return json(400, { error, error_description: description })
}
