import type { FakeGoogle } from '@guichet/fake-google'
import type { InjectOptions } from 'fastify'
import type { Browser } from '../../helper.ts'

export interface Route {
  name: string
  use: 'read' | 'modify'
  /** How many calls to Google it makes in all; default 1. */
  calls?: number
  /** Answers with items, each of which may fail alone. */
  itemized?: true
  request: Pick<InjectOptions, 'method' | 'url' | 'payload'>
}

/** Every Gmail route, about a mail with an attachment. */
export function gmailRoutes(prefix: string, google: FakeGoogle, account = 'ada@example.com'): Route[] {
  const message = google.user(account).messages.find(({ attachments }) => attachments.length > 0)
  const messages = `${prefix}/gmail/messages`
  const one = `${messages}/${message?.id ?? 'm1'}`
  const thread = `${prefix}/gmail/threads/${message?.threadId ?? 't1'}`
  const get = (name: string, url: string): Route => ({ name, use: 'read', request: { method: 'GET', url } })
  const post = (name: string, url: string, payload?: object, use: Route['use'] = 'modify'): Route => ({
    name,
    use,
    request: { method: 'POST', url, ...(payload && { payload }) }
  })
  return [
    get('profile', `${prefix}/gmail/profile`),
    get('aliases', `${prefix}/gmail/aliases`),
    get('labels', `${prefix}/gmail/labels`),
    get('label', `${prefix}/gmail/labels/INBOX`),
    get('messages', `${messages}?q=plans&labelIds=INBOX&limit=5`),
    get('message', one),
    get('message, metadata', `${one}?format=metadata`),
    get('message, raw', `${one}/raw`),
    { ...get('attachment', `${one}/attachments/${message?.attachments[0]?.partId ?? '1'}`), calls: 2 },
    { ...post('messages by id', `${messages}/get`, { ids: [message?.id ?? 'm1'] }, 'read'), itemized: true },
    get('threads', `${prefix}/gmail/threads`),
    get('thread', thread),
    post('modify', `${one}/modify`, { addLabels: ['STARRED'], removeLabels: ['UNREAD'] }),
    post('batchModify', `${messages}/batchModify`, { ids: [message?.id ?? 'm1'], addLabels: ['IMPORTANT'] }),
    post('trash', `${one}/trash`),
    post('untrash', `${one}/untrash`),
    post('thread, modify', `${thread}/modify`, { addLabels: ['STARRED'] }),
    post('thread, trash', `${thread}/trash`),
    post('thread, untrash', `${thread}/untrash`)
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
