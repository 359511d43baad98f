import type { Gmail } from './client.ts'
import { deleteDraft } from './drafts.ts'
import { missing } from './find-sent.ts'

/** A draft as sending knows it: what is sent with a key is one first. */
export interface Draft {
  id: string
  threadId: string | null
}

const userId = 'me'

/** How the mail of a user's own draft is found after it was sent. */
export async function readDraft(gmail: Gmail, draftId: string) {
  const { message } = await gmail.call('drafts.get', (users, options) =>
    users.drafts.get({ userId, id: draftId, format: 'metadata' }, options)
  )
  const value = (name: string) => message?.payload?.headers?.find(header => header.name?.toLowerCase() === name)?.value
  const dateMs = Date.parse(value('date') ?? '')
  return {
    draftId,
    threadId: message?.threadId ?? null,
    messageId: value('message-id') ?? '',
    date: new Date(Number.isNaN(dateMs) ? 0 : dateMs)
  }
}

export async function findDrafts(gmail: Gmail, messageId: string): Promise<Draft[]> {
  const { drafts } = await gmail.call('drafts.list', (users, options) =>
    users.drafts.list({ userId, q: `rfc822msgid:${messageId}`, maxResults: 10 }, options)
  )
  return (drafts ?? []).flatMap(({ id, message }) => (id ? [{ id, threadId: message?.threadId ?? null }] : []))
}

export async function isDraft(gmail: Gmail, id: string): Promise<boolean> {
  const draft = await missing(
    gmail.call('drafts.get', (users, options) => users.drafts.get({ userId, id, format: 'minimal' }, options))
  )
  const labels = draft?.message?.labelIds ?? []
  return draft !== undefined && labels.includes('DRAFT') && !labels.includes('SENT')
}

/** If deleting fails, the draft stays where its user sees it. */
export async function drop(gmail: Gmail, id: string): Promise<void> {
  await deleteDraft(gmail, id).catch(() => undefined)
}
