import { GuichetError, readAnswer } from './error.ts'
import { listPath, type MailPage, type MailQuery, type MailView, mailPath } from './mail.ts'
import { type Outcome, runPopup } from './popup.ts'
import type { Connection, Disconnected, Event, GmailMessage, GmailOutgoingMail, GmailSent, User } from './views.ts'

export { GuichetError, type Problem } from './error.ts'
export type { MailItems, MailPage, MailQuery, MailView } from './mail.ts'
export type { Outcome } from './popup.ts'
export type * from './views.ts'

export interface VisitOptions {
  /** In a popup, and the page stays. Call it from a click: a popup that is blocked becomes a full page. */
  popup?: boolean
  /** Where a full page comes back to: this page, or another of this origin. */
  returnTo?: string
}

export interface ConnectOptions extends VisitOptions {
  /** Repair this connection. */
  connectionId?: string
  /** The Google account that is meant. */
  loginHint?: string
}

/** guichet, for the user of this browser. Every method throws {@link GuichetError}. */
export interface Guichet {
  /** The user; null when signed out. */
  session(): Promise<User | null>
  /** Leaves for Google; the promise ends only with `popup`. */
  signIn(options?: VisitOptions): Promise<Outcome>
  signOut(): Promise<void>
  /** Leaves for Google; the promise ends only with `popup`. A user who is not signed in signs in on the way. */
  connect(service: string, options?: ConnectOptions): Promise<Outcome>
  connections(): Promise<Connection[]>
  /** Gives the permission back to Google and erases it here. */
  disconnect(id: string): Promise<Disconnected>
  gmail(connectionId: string): Gmail
  /** Told when session or connections may have changed, in any tab of this origin. Gives what ends it. */
  onChange(listener: () => void): () => void
}

export interface Gmail {
  list<V extends MailView = 'ids'>(query?: MailQuery<V>): Promise<MailPage<V>>
  /** Its `html` is as the sender wrote it: sanitize it before it is shown. */
  read(messageId: string): Promise<GmailMessage>
  /** The same key again sends nothing twice: give one of your own to try again after an error. */
  send(mail: GmailOutgoingMail, options?: { idempotencyKey?: string }): Promise<GmailSent>
  /** Told of every event of this mailbox from now on, across lost connections. Gives what ends it. */
  stream(listener: (event: Event) => void): () => void
}

/** @param options.url guichet's PUBLIC_URL; where this script came from without it */
export function createGuichet({ url = import.meta.url.replace(/[^/]*$/, '') }: { url?: string } = {}): Guichet {
  const root = url.endsWith('/') ? url : `${url}/`
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  let otherTabs: BroadcastChannel | undefined
  const channel = () => {
    if (!otherTabs) {
      otherTabs = new BroadcastChannel(`guichet ${root}`)
      otherTabs.onmessage = tell
      // Back from Google with the Back button, a page may be shown as it was left.
      addEventListener('pageshow', event => event.persisted && tell())
    }
    return otherTabs
  }
  const changed = () => {
    channel().postMessage(0)
    tell()
  }

  async function call<T>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<T> {
    const response = await fetch(root + path, {
      method,
      credentials: 'include',
      headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) })
    }).catch(cause => {
      throw new GuichetError({ code: 'offline' }, cause)
    })
    return readAnswer(response)
  }

  async function visit(path: string, { popup, returnTo, ...query }: ConnectOptions): Promise<Outcome> {
    const to = (back: URL) => {
      const start = new URL(path, root)
      // Our own pages are named by their path.
      const target = back.origin === start.origin ? back.href.slice(back.origin.length) : back.href
      for (const [name, value] of Object.entries({ returnTo: target, ...query }))
        if (value !== undefined) start.searchParams.set(name, value)
      return start.href
    }
    const outcome = popup && (await runPopup(to(new URL(`popup?to=${encodeURIComponent(location.origin)}`, root))))
    if (outcome) {
      if (outcome.status !== 'declined') changed()
      return outcome
    }
    location.assign(to(new URL(returnTo ?? location.href, location.href)))
    return new Promise(() => {})
  }

  return {
    session: () =>
      call<{ user: User }>('GET', 'auth/session').then(
        ({ user }) => user,
        error => {
          if (error.code === 'unauthenticated') return null
          throw error
        }
      ),
    signIn: (options = {}) => visit('auth/google', options),
    async signOut() {
      await call('DELETE', 'auth/session')
      changed()
    },
    connect: (service, options = {}) => visit(`connect/${encodeURIComponent(service)}`, options),
    connections: async () => (await call<{ connections: Connection[] }>('GET', 'connections')).connections,
    async disconnect(id) {
      const disconnected = await call<Disconnected>('DELETE', `connections/${encodeURIComponent(id)}`)
      changed()
      return disconnected
    },
    gmail(connectionId) {
      const path = mailPath(connectionId)
      return {
        list: (query = {}) => call('GET', path + listPath(query)),
        read: messageId => call('GET', `${path}messages/${encodeURIComponent(messageId)}`),
        send: (mail, { idempotencyKey = crypto.randomUUID() } = {}) =>
          call('POST', `${path}messages/send`, mail, { 'idempotency-key': idempotencyKey }),
        stream(listener) {
          const source = new EventSource(`${root + path}stream`, { withCredentials: true })
          source.onmessage = ({ data }) => listener(JSON.parse(data))
          return () => source.close()
        }
      }
    },
    onChange(listener) {
      channel()
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}
