import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { type Browser, isProblem, type World } from '../helper.ts'

/** The two purposes of a flow. Rules about flows hold for both, and are tested for both. */
export interface Door {
  name: 'sign-in' | 'connect'
  start: string
  callback: string
  /** A browser that may start there. */
  enter(world: World): Promise<Browser>
  /** Whether a flow has let this browser in: it is signed in, or has a connection. */
  isOpen(browser: Browser): Promise<boolean>
}

export const doors: readonly Door[] = [
  {
    name: 'sign-in',
    start: '/auth/google',
    callback: '/auth/google/callback',
    enter: async world => world.browser(),
    isOpen: async browser => (await browser.fetch('/auth/session')).statusCode === 200
  },
  {
    name: 'connect',
    start: '/connect/gmail',
    callback: '/connect/gmail/callback',
    enter: world => world.signedIn(),
    isOpen: async browser => {
      const { connections = [] } = (await browser.fetch('/connections')).json<{ connections?: object[] }>()
      return connections.length > 0
    }
  }
]

/** The two ways a callback is reached: handed on by a frontend, or by a browser that Google sends there. */
export const ways = ['fetch', 'navigate'] as const

/** The code of a refusal, from a problem or a redirect; undefined for a success. */
export function codeOf({ statusCode, headers, body }: LightMyRequestResponse): string | undefined {
  if (statusCode === 200) return undefined
  if (statusCode !== 303) return (JSON.parse(body || '{}') as { code?: string }).code ?? `no code at ${statusCode}`
  const status = new URL(headers.location ?? '', 'http://localhost:3000').searchParams.get('status')
  return status === null || status === 'connected' ? undefined : status
}

/** A refusal in full: a problem for fetch; for a navigation the way home, and nothing but the code in its URL. */
export function isRefused(t: Test, response: LightMyRequestResponse, status: number, code: string, home = '/'): void {
  if (response.statusCode !== 303) {
    isProblem(t, response, status, code)
  } else {
    t.equal(response.headers.location, `${home}?status=${code}`)
    t.equal(response.headers['cache-control'], 'no-store')
  }
}

/** A callback URL with its parameters changed: undefined leaves one out, a list repeats it. */
export function withParameters(callback: string, changes: Record<string, string | string[] | undefined>): string {
  const url = new URL(callback, 'http://localhost:3000')
  for (const [name, value] of Object.entries(changes)) {
    url.searchParams.delete(name)
    for (const one of value === undefined ? [] : [value].flat()) url.searchParams.append(name, one)
  }
  return url.pathname + url.search
}

/** The state inside a callback URL. */
export function stateOf(callback: string): string {
  return new URL(callback, 'http://localhost:3000').searchParams.get('state') ?? ''
}
