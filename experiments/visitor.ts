import type { FakeGoogle } from '@guichet/fake-google'
import type { Answer, Asking, Client } from './http-client.ts'

/** A user with a Google account and a browser, as far as HTTP goes. It may go to another server each time. */
export interface Visitor {
  readonly sub: string
  fetch(client: Client, path: string, asking?: Asking): Promise<Answer>
  /** Starts a flow and consents at Google: the path of the callback, not yet called. */
  authorize(client: Client, startPath: string): Promise<string>
  signIn(client: Client): Promise<void>
  /** Connects Gmail and gives the connection's id; throws if that failed. */
  connect(client: Client): Promise<string>
  /** The cookies as they are now, for a request that is to be repeated. */
  cookie(): string
}

/** Makes the account at Google, too. */
export function createVisitor(google: FakeGoogle, number: number): Visitor {
  const sub = `2${String(number).padStart(20, '0')}`
  google.addUser({ sub, email: `user${number}@example.com`, name: `User ${number}` })
  const cookies = new Map<string, string>()
  const cookie = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')

  async function fetch(client: Client, path: string, { headers, ...asking }: Asking = {}): Promise<Answer> {
    const answer = await client.request(path, { ...asking, headers: { cookie: cookie(), ...headers } })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [pair = ''] = line.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return answer
  }

  function require200(what: string, answer: Answer): Answer {
    if (answer.status !== 200) throw new Error(`${what} answered ${answer.status} ${answer.text}`)
    return answer
  }

  const self: Visitor = {
    sub,
    cookie,
    fetch,
    async authorize(client, startPath) {
      const { body } = require200(startPath, await fetch(client, startPath))
      const { pathname, search } = new URL(google.consent(String(body.url), { as: sub }))
      return pathname + search
    },
    async signIn(client) {
      require200('signing in', await fetch(client, await self.authorize(client, '/auth/google')))
    },
    async connect(client) {
      const answer = require200('connecting', await fetch(client, await self.authorize(client, '/connect/gmail')))
      return connectionIdOf(answer)
    }
  }
  return self
}

export function connectionIdOf({ body }: Answer): string {
  return String((body.connection as { id?: unknown } | undefined)?.id)
}
