import type { Test } from 'tap'
import type { FakeGoogle, FakeGoogleOptions } from '../src/fake-google.ts'
import type { GmailAccount } from '../src/gmail/account.ts'
import { connect, type JsonAnswer, start, toJsonAnswer } from './story.ts'

export interface GmailStory {
  google: FakeGoogle
  gmail: GmailAccount
  token: string
  /** Any method of the Gmail API, of ada. */
  call(path: string, init?: { method?: string; body?: unknown }): Promise<JsonAnswer>
  fetch(path: string, init?: RequestInit): Promise<Response>
}

/** Ada's Gmail with a token for it, and nothing in it. */
export async function startGmail(t: Test, options: FakeGoogleOptions = {}): Promise<GmailStory> {
  const google = await start(t, options)
  const sub = '100000000000000000001'
  google.addUser({ sub, email: 'ada@example.com', name: 'Ada Lovelace', messages: [] })
  const { access_token: token } = await connect(google, { as: sub })
  const send = (path: string, { headers, ...init }: RequestInit = {}) =>
    fetch(`${google.issuer}${path}`, { ...init, headers: { ...headers, authorization: `Bearer ${token}` } })
  return {
    google,
    gmail: google.gmail(sub),
    token,
    fetch: send,
    async call(path, { method = 'GET', body } = {}) {
      const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      return toJsonAnswer(await send(`/gmail/v1/users/me/${path}`, { method, ...(body === undefined ? {} : json) }))
    }
  }
}

export function rawOf(lines: readonly string[]): string {
  return Buffer.from(lines.join('\r\n')).toString('base64url')
}
