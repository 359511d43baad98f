import { listPath, type MailPage, type MailQuery, type MailView, mailPath } from './mail.ts'
import { createCaller, pause } from './retry.ts'
import { createTokens, type TokenOptions } from './tokens.ts'
import type { Connection, Disconnected, Event, GmailMessage, GmailOutgoingMail, GmailSent, Started } from './views.ts'
import { verifyWebhook, type WebhookRequest } from './webhook.ts'

export { GuichetError, type Problem } from './error.ts'
export type { MailItems, MailPage, MailQuery, MailView } from './mail.ts'
export type { TokenOptions } from './tokens.ts'
export type * from './views.ts'
export type { WebhookRequest } from './webhook.ts'

export interface BackendOptions {
  /** guichet's PUBLIC_URL, or where this backend reaches it. */
  url: string
  /** What `guichet keys create` printed. */
  key: string
  /** `whsec_…`, for verifyWebhook: several while they are rotated. */
  webhookSecret?: string | string[]
  /** The maximum number of times a call is sent; default 4. */
  attempts?: number
  /** A longer Retry-After is thrown at once; default 30. */
  maxWaitSeconds?: number
  fetch?: typeof fetch
}

export interface ConnectionFilter {
  userId?: string
  externalId?: string
  service?: string
  status?: Connection['status']
}

export interface TicketRequest {
  /** This app's own id of its user. */
  externalId: string
  displayName?: string
  service?: string
  connectionId?: string
  returnTo?: string
  expectedEmail?: string
}

export interface EventOptions {
  /** The `cursor` of the last event that was dealt with; without it from the oldest. */
  cursor?: string
  /** How long to wait at the end of the list before looking again; default 5, and 0 ends there. */
  waitSeconds?: number
  signal?: AbortSignal
}

/** guichet, for one of its owner's backends. Calls are repeated as Retry-After says; methods throw GuichetError. */
export interface Backend {
  /** A live access token of Google's for this connection. */
  token(connectionId: string, options?: TokenOptions): Promise<string>
  connections: {
    list(filter?: ConnectionFilter): AsyncIterable<Connection>
    get(id: string): Promise<Connection>
    disconnect(id: string): Promise<Disconnected>
  }
  tickets: {
    /** A one-use link by which this app's own user comes in. */
    create(ticket: TicketRequest): Promise<Started>
  }
  /** The events, oldest first, for ever or to the list's end. Keep the `cursor` once an event is dealt with. */
  events(options?: EventOptions): AsyncIterable<Event & { cursor: string }>
  gmail(connectionId: string): BackendGmail
  /** The event in a request to WEBHOOK_URL, once its signature holds. @throws GuichetError `webhook_invalid` */
  verifyWebhook(request: WebhookRequest): Promise<Event>
}

export interface BackendGmail {
  list<V extends MailView = 'ids'>(query?: MailQuery<V>): Promise<MailPage<V>>
  /** Its `html` is as the sender wrote it: sanitize it before it is shown. */
  read(messageId: string): Promise<GmailMessage>
  /** Sends once, however often it is tried. With a key of your own that outlives a restart, across restarts too. */
  send(mail: GmailOutgoingMail, options?: { idempotencyKey?: string }): Promise<GmailSent>
}

export function createBackend({
  url,
  key,
  webhookSecret = [],
  attempts = 4,
  maxWaitSeconds = 30,
  fetch = globalThis.fetch
}: BackendOptions): Backend {
  const call = createCaller({ url, key, attempts, maxWaitSeconds, fetch })
  const tokens = createTokens(call, Date.now)
  const pathOf = (id: string) => `connections/${encodeURIComponent(id)}`

  async function* listConnections(filter: ConnectionFilter = {}) {
    let cursor: string | null = ''
    while (cursor !== null) {
      const path = `connections?${new URLSearchParams({ ...filter, ...(cursor && { cursor }) })}`
      const page: { connections: Connection[]; nextCursor: string | null } = await call({ path })
      yield* page.connections
      cursor = page.nextCursor
    }
  }

  async function* events({ cursor = '0', waitSeconds = 5, signal }: EventOptions = {}) {
    let after = cursor
    for (;;) {
      const page = await call<{ events: Event[]; nextCursor: string }>({ path: `events?cursor=${after}`, signal })
      // Before the page's last, going on from the page's start brings the rest again: at least once.
      for (const [index, event] of page.events.entries())
        yield { ...event, cursor: index === page.events.length - 1 ? page.nextCursor : after }
      if (page.nextCursor !== after) after = page.nextCursor
      else if (waitSeconds > 0) await pause(waitSeconds, signal)
      else return
    }
  }

  return {
    token: tokens.get,
    connections: {
      list: listConnections,
      get: async id => (await call<{ connection: Connection }>({ path: pathOf(id) })).connection,
      disconnect(id) {
        tokens.forget(id)
        return call({ method: 'DELETE', path: pathOf(id) })
      }
    },
    tickets: { create: body => call({ method: 'POST', path: 'tickets', body }) },
    events,
    gmail(connectionId) {
      const path = mailPath(connectionId)
      return {
        list: (query = {}) => call({ path: path + listPath(query) }),
        read: messageId => call({ path: `${path}messages/${encodeURIComponent(messageId)}` }),
        send: (body, { idempotencyKey = crypto.randomUUID() } = {}) =>
          call({
            method: 'POST',
            path: `${path}messages/send`,
            body,
            headers: { 'idempotency-key': idempotencyKey }
          })
      }
    },
    verifyWebhook: request => verifyWebhook(request, [webhookSecret].flat(), Date.now())
  }
}
