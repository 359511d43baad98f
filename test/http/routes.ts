import type { FakeGoogle } from '@guichet/fake-google'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Browser } from '../helper.ts'

export type Method = 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH' | 'HEAD' | 'OPTIONS'

/** A route as it is registered: `/connections/:id`. */
export interface Route {
  method: Method
  url: string
}

const branch = /^((?:[│ ] {3})*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/

/** A stream of events ends with its session alone: inject would wait for that. Its own tests read it over a socket. */
const isEndless = (url: string) => url.endsWith('/gmail/stream')

/** Every route that the app serves, read from what Fastify prints; those that end what the others need come last. */
export function routesOf(app: FastifyInstance): Route[] {
  const routes: Route[] = []
  const trail: string[] = []
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', segment, methods] = branch.exec(line) ?? []
    if (segment === undefined) continue
    const depth = indent.length / 4
    trail.splice(depth, trail.length, segment)
    for (const method of methods?.split(', ') ?? []) {
      const url = trail.join('')
      if (url !== '*' && !isEndless(url)) routes.push({ method: method as Method, url })
    }
  }
  const endsMore = ({ method, url }: Route) =>
    url === '/delete-account'
      ? 101
      : method === 'DELETE'
        ? url.startsWith('/auth')
          ? 100
          : 90 - url.split('/').length
        : 0
  return routes.sort((a, b) => endsMore(a) - endsMore(b))
}

/** Values for a route's parameters; the others become a harmless id. */
export type Parameters = Record<string, string>

export function fill({ url }: Route, parameters: Parameters = {}): string {
  return url.replace(/:(\w+)/g, (_, name: string) => parameters[name] ?? 'x1').replace('*', 'x1')
}

/** A body that the route accepts; undefined if it takes none. */
export function bodyFor({ method, url }: Route, { messageId = 'x1' }: Parameters): Pick<InjectOptions, 'payload'> {
  if (url.endsWith('/modify')) return { payload: { addLabels: ['STARRED'] } }
  if (url.endsWith('/batchModify')) return { payload: { ids: [messageId], addLabels: ['STARRED'] } }
  if (url.endsWith('/messages/get')) return { payload: { ids: [messageId] } }
  if (/\/labels(\/:labelId)?$/.test(url) && method !== 'GET' && method !== 'DELETE')
    return { payload: { name: method === 'POST' ? 'Plans' : 'Other plans' } }
  return {}
}

/** A connected user's own ids, so that each route finds what it is about: a mail with an attachment among them. */
export async function ownParameters(owner: Browser, google: FakeGoogle, as?: string): Promise<Parameters> {
  const { id, account } = await owner.connected(as === undefined ? undefined : { as })
  const withAttachment = google.user(account.sub).messages.find(({ attachments }) => attachments.length > 0)
  const message = withAttachment ?? google.user(account.sub).messages[0]
  return {
    service: 'gmail',
    id,
    messageId: message?.id ?? '',
    threadId: message?.threadId ?? '',
    partId: message?.attachments[0]?.partId ?? '1',
    labelId: google.user(account.sub).gmail.labels.create({ name: `Work ${id}` }).id
  }
}
