import type { FakeGoogle } from '@guichet/fake-google'
import type { InjectOptions } from 'fastify'
import type { Browser } from '../../helper.ts'

export interface Route {
  name: string
  use: 'read' | 'modify'
  request: Pick<InjectOptions, 'method' | 'url' | 'payload'>
}

/** Every Gmail route, about a mail with an attachment. */
export function gmailRoutes(prefix: string, google: FakeGoogle, account = 'ada@example.com'): Route[] {
  const message = google.user(account).messages.find(({ attachments }) => attachments.length > 0)
  const messages = `${prefix}/gmail/messages`
  const one = `${messages}/${message?.id ?? 'm1'}`
  const get = (name: string, url: string): Route => ({ name, use: 'read', request: { method: 'GET', url } })
  const post = (name: string, url: string, payload?: object): Route => ({
    name,
    use: 'modify',
    request: { method: 'POST', url, ...(payload && { payload }) }
  })
  return [
    get('profile', `${prefix}/gmail/profile`),
    get('labels', `${prefix}/gmail/labels`),
    get('messages', `${messages}?q=plans&labelIds=INBOX&maxResults=5`),
    get('message', one),
    get('message, metadata', `${one}?format=metadata`),
    get('message, raw', `${one}?format=raw`),
    get('attachment', `${one}/attachments/${message?.attachments[0]?.id ?? 'a1'}`),
    get('threads', `${prefix}/gmail/threads`),
    get('thread', `${prefix}/gmail/threads/${message?.threadId ?? 't1'}`),
    post('modify', `${one}/modify`, { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] }),
    post('batchModify', `${messages}/batchModify`, { ids: [message?.id ?? 'm1'], addLabelIds: ['IMPORTANT'] }),
    post('trash', `${one}/trash`),
    post('untrash', `${one}/untrash`)
  ]
}

/** A signed-in user's connection and its routes. */
export async function connectedMailbox(
  user: Browser,
  google: FakeGoogle,
  consent: Parameters<Browser['connected']>[0] = {}
) {
  const connection = await user.connected(consent)
  return { connection, routes: gmailRoutes(`/connections/${connection.id}`, google, connection.account.email) }
}
