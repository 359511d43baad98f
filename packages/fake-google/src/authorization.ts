import type { Family, Grant } from './grants.ts'
import { readParameters } from './http.ts'
import { IDENTITY_SCOPES, KNOWN_SCOPES, toGrantedScope } from './scopes.ts'
import type { User } from './users.ts'
import type { World } from './world.ts'

/** What the human does at the consent page. */
export interface ConsentChoices {
  /** The `sub` or e-mail address of the account; default: the login_hint's, or the first user. */
  as?: string
  /** What is ticked, fewer or more than asked (`gmail.readonly` for short). Sign-in scopes cannot be unticked. */
  grant?: string[]
  /** Plays an answer without refresh token. */
  withoutRefreshToken?: boolean
  /** The `error=` sent back instead of a code. */
  deny?: string
  errorDescription?: string
  /** Another `iss` on the callback; null leaves it out, a list repeats it. */
  iss?: string | null | string[]
}

export interface AuthorizationRequest {
  redirectUri: string
  /** As asked, in order. */
  scopes: string[]
  state: string
  nonce: string
  codeChallenge: string
  offline: boolean
  prompts: string[]
  loginHint: string | undefined
  includeGrantedScopes: boolean
}

export interface IssuedCode {
  value: string
  sub: string
  scopes: string[]
  redirectUri: string
  codeChallenge: string
  nonce: string
  withRefreshToken: boolean
  expiresAtMs: number
  used: boolean
  /** The consent it stands on: a code does not outlive its revocation. */
  grant: Grant
  /** What it was exchanged for, and what came of that. */
  family: Family
}

export interface Authorization {
  /** Checks an authorization request as strictly as can be; throws an Error naming the parameter at fault. */
  validate(query: string): AuthorizationRequest
  /** The callback URL Google sends the browser to. */
  decide(request: AuthorizationRequest, choices: ConsentChoices): string
  chooseUser(request: AuthorizationRequest, as?: string): User
  findCode(value: string): IssuedCode | undefined
}

export const AUTHORIZATION_PATH = '/o/oauth2/v2/auth'

const KNOWN_PARAMETERS = [
  ...['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'nonce', 'code_challenge'],
  ...['code_challenge_method', 'access_type', 'prompt', 'login_hint', 'include_granted_scopes', 'hd']
]

export function createAuthorization(world: World): Authorization {
  const codes = new Map<string, IssuedCode>()
  // One-time values, and the request each was first seen in: the same URL may be opened twice, a reuse is a fault.
  const firstSeenIn = new Map<string, string>()

  function requireFresh(name: string, value: string, query: string): void {
    const key = `${name} ${value}`
    const first = firstSeenIn.get(key) ?? query
    firstSeenIn.set(key, first)
    if (first !== query) throw new Error(`${name} was used in an earlier authorization request`)
  }

  function validate(query: string): AuthorizationRequest {
    const parameters = readParameters(query, KNOWN_PARAMETERS)
    const required = (name: string, isGood: (value: string) => boolean): string => {
      const value = parameters.get(name)
      if (value === undefined) throw new Error(`missing parameter: ${name}`)
      if (!isGood(value)) throw new Error(`bad parameter: ${name}`)
      return value
    }
    const optional = (name: string, allowed: readonly string[]): string | undefined =>
      parameters.has(name) ? required(name, value => allowed.includes(value)) : undefined

    required('client_id', value => value === world.client.id)
    const redirectUri = required('redirect_uri', value => world.client.redirectUris.has(value))
    required('response_type', value => value === 'code')
    const scope = required('scope', isScopeList)
    const state = required('state', value => value.length >= 22)
    const nonce = required('nonce', value => value.length > 0)
    const codeChallenge = required('code_challenge', value => /^[A-Za-z0-9_-]{43}$/.test(value))
    required('code_challenge_method', value => value === 'S256')
    const accessType = optional('access_type', ['online', 'offline'])
    const prompt = parameters.has('prompt') ? required('prompt', isPromptList) : ''
    for (const [name, value] of Object.entries({ state, nonce, code_challenge: codeChallenge })) {
      requireFresh(name, value, query)
    }
    world.ledger.record('state', state)
    world.ledger.record('nonce', nonce)
    return {
      redirectUri,
      scopes: scope.split(' '),
      state,
      nonce,
      codeChallenge,
      offline: accessType === 'offline',
      prompts: prompt === '' ? [] : prompt.split(' '),
      loginHint: parameters.get('login_hint'),
      includeGrantedScopes: optional('include_granted_scopes', ['true', 'false']) === 'true'
    }
  }

  function chooseUser(request: AuthorizationRequest, as?: string): User {
    if (as !== undefined) return world.users.require(as)
    const hinted = request.loginHint === undefined ? undefined : world.users.find(request.loginHint)
    const user = hinted ?? world.users.list()[0]
    if (!user) throw new Error('fake Google has no user')
    return user
  }

  function decide(request: AuthorizationRequest, choices: ConsentChoices): string {
    const user = chooseUser(request, choices.as)
    const callback = new URL(request.redirectUri)
    const send = (name: string, value: string) => callback.searchParams.append(name, value)
    send('state', request.state)
    for (const iss of toList(choices.iss === undefined ? world.origin : choices.iss)) send('iss', iss)

    const asked = request.scopes.map(toGrantedScope)
    const earlier = world.grants.find(user.sub)
    const showsConsent = request.prompts.includes('consent') || !asked.every(scope => earlier?.scopes.includes(scope))
    const error =
      choices.deny ?? (request.prompts.includes('none') && showsConsent ? 'interaction_required' : undefined)
    if (error !== undefined) {
      send('error', error)
      if (choices.errorDescription !== undefined) send('error_description', choices.errorDescription)
      return callback.href
    }

    const ticked = toTickedScopes(asked, choices.grant)
    const scopes = [...new Set([...ticked, ...(request.includeGrantedScopes ? (earlier?.scopes ?? []) : [])])]
    const { grant, isFirst } = world.grants.consent(user.sub, scopes)
    const consents = isFirst || request.prompts.includes('consent')
    const code = issueCode(request, grant, scopes, request.offline && consents && !choices.withoutRefreshToken)
    send('code', code.value)
    send('scope', scopes.join(' '))
    send('authuser', '0')
    send('prompt', showsConsent ? 'consent' : 'none')
    return callback.href
  }

  function issueCode(
    request: AuthorizationRequest,
    grant: Grant,
    scopes: string[],
    withRefreshToken: boolean
  ): IssuedCode {
    const { sub } = grant
    const { redirectUri, codeChallenge, nonce } = request
    const code: IssuedCode = {
      value: world.mint('4/0A'),
      sub,
      scopes,
      redirectUri,
      codeChallenge,
      nonce,
      withRefreshToken,
      expiresAtMs: world.nowMs() + world.settings.codeLifetimeSeconds * 1000,
      used: false,
      grant,
      family: []
    }
    codes.set(code.value, code)
    const isAlive = () => !code.used && code.expiresAtMs > world.nowMs() && world.grants.find(sub) === grant
    world.ledger.record('code', code.value, { sub, isAlive })
    return code
  }

  return { validate, decide, chooseUser, findCode: value => codes.get(value) }
}

function toTickedScopes(asked: string[], grant: string[] | undefined): string[] {
  if (!grant) return asked
  const ticked = grant.map(toGrantedScope)
  return [...asked.filter(scope => IDENTITY_SCOPES.includes(scope) && !ticked.includes(scope)), ...ticked]
}

function toList(value: string | null | string[]): string[] {
  return value === null ? [] : typeof value === 'string' ? [value] : value
}

function isScopeList(value: string): boolean {
  const scopes = value.split(' ')
  return scopes.every(scope => KNOWN_SCOPES.includes(scope)) && new Set(scopes).size === scopes.length
}

function isPromptList(value: string): boolean {
  const prompts = value.split(' ')
  if (prompts.includes('none') && prompts.length > 1) return false
  return prompts.every((prompt, position) => {
    return ['none', 'consent', 'select_account'].includes(prompt) && prompts.indexOf(prompt) === position
  })
}
