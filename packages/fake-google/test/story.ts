import { createHash, randomBytes } from 'node:crypto'
import type { ConsentChoices } from '../src/authorization.ts'
import { type FakeGoogle, type FakeGoogleOptions, startFakeGoogle } from '../src/fake-google.ts'

/** A fake Google that ends with the test. */
export async function start(
  t: { teardown(end: () => Promise<void>): unknown },
  options: FakeGoogleOptions = {}
): Promise<FakeGoogle> {
  const google = await startFakeGoogle(options)
  t.teardown(() => google.close())
  return google
}

/** A clock that stands still until it is told to go on. */
export function createClock(): { nowMs: () => number; advanceSeconds: (seconds: number) => void } {
  let now = Date.now()
  return {
    nowMs: () => now,
    advanceSeconds: seconds => {
      now += seconds * 1000
    }
  }
}

/** One authorization, the client played by hand: nothing here checks anything. */
export interface Flow {
  url: URL
  verifier: string
  state: string
  nonce: string
}

export const REDIRECT_URI = 'http://localhost:3000/connect/gmail/callback'
export const GMAIL_SCOPES =
  'openid email https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.modify'

/** A right authorization URL; `changes` sets parameters, or with undefined leaves them out. */
export function startFlow(google: FakeGoogle, changes: Record<string, string | undefined> = {}): Flow {
  const [verifier, state, nonce] = [randomBytes(32), randomBytes(16), randomBytes(16)].map(b => b.toString('base64url'))
  if (!verifier || !state || !nonce) throw new Error('unreachable')
  const url = new URL(`${google.issuer}/o/oauth2/v2/auth`)
  const parameters = {
    client_id: google.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: GMAIL_SCOPES,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent',
    ...changes
  }
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value)
  return { url, verifier, state, nonce }
}

export interface JsonAnswer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export async function toJsonAnswer(response: Response): Promise<JsonAnswer> {
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse((await response.text()) || '{}') as Record<string, unknown>
  }
}

/** A form posted to the token endpoint, the client authenticated in the body unless told otherwise. */
export async function postToken(
  google: FakeGoogle,
  form: Record<string, string | undefined>,
  headers: Record<string, string> = {}
): Promise<JsonAnswer> {
  const fields = { client_id: google.clientId, client_secret: google.clientSecret, ...form }
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value)
  return toJsonAnswer(await fetch(`${google.issuer}/token`, { method: 'POST', body, headers }))
}

export function exchangeForm(flow: Flow, callback: string): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: new URL(callback).searchParams.get('code') ?? '',
    redirect_uri: flow.url.searchParams.get('redirect_uri') ?? '',
    code_verifier: flow.verifier
  }
}

export interface Tokens {
  access_token: string
  refresh_token: string
  id_token: string
  scope: string
  expires_in: number
  refresh_token_expires_in?: number
}

/** A whole consent and exchange; a right one unless `changes` or `choices` say otherwise. */
export async function connect(
  google: FakeGoogle,
  choices: ConsentChoices = {},
  changes: Record<string, string | undefined> = {}
): Promise<Tokens> {
  const flow = startFlow(google, changes)
  const { status, body } = await postToken(google, exchangeForm(flow, google.consent(flow.url, choices)))
  if (status !== 200) throw new Error(`token endpoint answered ${status} ${JSON.stringify(body)}`)
  return body as unknown as Tokens
}

export function refresh(google: FakeGoogle, refreshToken: string): Promise<JsonAnswer> {
  return postToken(google, { grant_type: 'refresh_token', refresh_token: refreshToken })
}

export async function callGmail(
  google: FakeGoogle,
  accessToken: string,
  path: string,
  body?: unknown
): Promise<JsonAnswer> {
  const write = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const init: RequestInit = body === undefined ? {} : write
  const headers = { ...init.headers, authorization: `Bearer ${accessToken}` }
  return toJsonAnswer(await fetch(`${google.issuer}/gmail/v1/users/${path}`, { ...init, headers }))
}

export async function revoke(google: FakeGoogle, token: string): Promise<JsonAnswer> {
  return toJsonAnswer(await fetch(`${google.issuer}/revoke`, { method: 'POST', body: new URLSearchParams({ token }) }))
}
