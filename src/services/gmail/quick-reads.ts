import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { ApiClient } from '../../google/api-client.ts'

const googleRoot = 'https://gmail.googleapis.com'

type Users = gmail_v1.Resource$Users
type Params = Record<string, string | number | boolean | string[] | null | undefined>

/**
 * The reads that lists and news are made of, put together here: googleapis makes several deep copies for each, which cost
 * more than the call. Everything else stays as it is.
 */
export function withQuickReads(users: Users, client: ApiClient, apiUrl: string | undefined): Users {
  const root = new URL('/gmail/v1/users/', apiUrl ?? googleRoot).href

  function read(resource: string) {
    return (
      { userId, id, ...query }: Params,
      {
        headers,
        signal,
        timeout,
        responseType
      }: Pick<gmail_v1.Options, 'headers' | 'signal' | 'timeout' | 'responseType'>
    ) => {
      const path = [userId, resource, ...(id === undefined ? [] : [id])].map(part => encodeURIComponent(String(part)))
      const search = []
      for (const [name, value] of Object.entries(query)) {
        for (const one of Array.isArray(value) ? value : [value])
          if (one != null) search.push(`${name}=${encodeURIComponent(one)}`)
      }
      return client.request({
        url: `${root}${path.join('/')}?${search.join('&')}`,
        // Google compresses only for a user agent that contains "gzip".
        headers: Object.entries({ ...headers, 'accept-encoding': 'gzip', 'user-agent': 'guichet (gzip)' }),
        ...(signal && { signal }),
        ...(timeout !== undefined && { timeout }),
        ...(responseType && { responseType }),
        ...(timeout !== undefined && { timeout })
      })
    }
  }

  const quick = <Resource extends object>(resource: Resource, methods: object): Resource =>
    Object.assign(Object.create(resource), methods)
  return quick(users, {
    messages: quick(users.messages, { get: read('messages'), list: read('messages') }),
    threads: quick(users.threads, { get: read('threads'), list: read('threads') }),
    history: quick(users.history, { list: read('history') })
  })
}
