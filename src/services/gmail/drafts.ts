import { randomUUID } from 'node:crypto'
import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { ask } from './answer.ts'
import type { Gmail } from './client.ts'
import type { Mail } from './compose.ts'
import type { Page } from './list.ts'
import type { Mailbox } from './mailbox.ts'
import { toMessageSummary, toMessageView } from './message.ts'
import type { OutgoingFile, OutgoingMail } from './outgoing.ts'
import type { Prepare, PrepareOptions } from './prepare.ts'
import { createFetchBody, readMessageSummary } from './read.ts'
import { requireSameSubject } from './reply.ts'
import { submit } from './upload.ts'
import type { MessageSummary, MessageView } from './views.ts'

export interface DraftOf<Message> {
  id: string
  message: Message
}

export type DraftRef = DraftOf<{ id: string; threadId: string }>

export interface Drafts {
  create(mailbox: Mailbox, mail: OutgoingMail, files?: AsyncIterable<OutgoingFile>): Promise<DraftOf<MessageSummary>>
  /** Replaces it wholly; its id stays, and its conversation. */
  update(
    mailbox: Mailbox,
    draftId: string,
    mail: OutgoingMail,
    files?: AsyncIterable<OutgoingFile>
  ): Promise<DraftOf<MessageSummary>>
}

type Draft = gmail_v1.Schema$Draft

const userId = 'me'

/** Mails that are not sent yet. */
export function createDrafts({ prepare, nowMs }: { prepare: Prepare; nowMs: () => number }): Drafts {
  const fresh = ({ connection }: Mailbox): Pick<PrepareOptions, 'messageId' | 'date' | 'needsRecipients'> => ({
    messageId: `<${randomUUID()}@${connection.account.email.split('@')[1]}>`,
    date: new Date(nowMs()),
    needsRecipients: false
  })

  return {
    async create(mailbox, mail, files) {
      const { gmail } = mailbox
      const { body, threadId, mail: made } = await prepare(mailbox, mail, { ...fresh(mailbox), files })
      const draft = await submit(gmail, 'drafts.create', body, threadId, (users, { requestBody, media }, options) =>
        users.drafts.create({ userId, requestBody: { message: requestBody }, ...(media && { media }) }, options)
      )
      return summarize(gmail, draft, made)
    },

    async update(mailbox, id, mail, files) {
      const { gmail } = mailbox
      // Gmail keeps nothing of the old draft: what keeps it in its conversation is given again.
      const before = mail.inReplyToMessage || mail.newThread ? undefined : await readConversation(gmail, id)
      if (before && before.references.length > 0 && mail.subject !== undefined)
        requireSameSubject(mail.subject, before.subject)
      const prepared = await prepare(mailbox, mail, { ...fresh(mailbox), files, draft: before })
      const { body, threadId, mail: made } = prepared
      const draft = await submit(gmail, 'drafts.update', body, threadId, (users, { requestBody, media }, options) =>
        users.drafts.update({ userId, id, requestBody: { message: requestBody }, ...(media && { media }) }, options)
      )
      return summarize(gmail, draft, made)
    }
  }
}

/** The draft as Gmail shows it; where it cannot be read back, as it was made: after an error, an app would make a second one. */
async function summarize(gmail: Gmail, { id, message }: Draft, made: Mail): Promise<DraftOf<MessageSummary>> {
  const read = await readMessageSummary(gmail, message?.id ?? '').catch(() => undefined)
  if (read) return { id: id ?? '', message: read }
  const { from, to, cc, bcc, replyTo, subject, messageId, inReplyTo = null, references, date } = made
  const known = await toMessageSummary({ labelIds: ['DRAFT'], ...message })
  return {
    id: id ?? '',
    message: {
      ...known,
      ...{ from, to, cc, bcc, replyTo, subject, messageId, inReplyTo, references },
      date: date.toISOString()
    }
  }
}

async function readConversation(gmail: Gmail, id: string): Promise<NonNullable<PrepareOptions['draft']>> {
  const { threadId, subject, inReplyTo, references } = (await readDraftSummary(gmail, id)).message
  // Gmail's subject is that of the draft: without a reference it holds no conversation together.
  return { threadId, subject, inReplyTo: inReplyTo ?? undefined, references }
}

/** 20 units. */
export function readDraftSummary(gmail: Gmail, id: string): Promise<DraftOf<MessageSummary>> {
  return ask(
    gmail,
    'drafts.get',
    (users, options) => users.drafts.get({ userId, id, format: 'metadata' }, options),
    async ({ message }: Draft) => ({ id, message: await toMessageSummary(message ?? {}) })
  )
}

/** 20 units, and 20 more for each body that Gmail does not send along. */
export function readDraft(gmail: Gmail, id: string): Promise<DraftOf<MessageView>> {
  return ask(
    gmail,
    'drafts.get',
    (users, options) => users.drafts.get({ userId, id, format: 'full' }, options),
    async ({ message }: Draft) => ({
      id,
      message: await toMessageView(message ?? {}, { fetchBody: createFetchBody(gmail) })
    })
  )
}

/** 5 units. */
export async function listDrafts(
  gmail: Gmail,
  { q, limit, pageToken }: { q?: string | undefined; limit: number; pageToken?: string | undefined }
): Promise<Page<DraftRef>> {
  const { drafts, nextPageToken } = await ask(
    gmail,
    'drafts.list',
    (users, options) =>
      users.drafts.list(
        { userId, maxResults: limit, ...(q !== undefined && { q }), ...(pageToken !== undefined && { pageToken }) },
        options
      ),
    (answer: gmail_v1.Schema$ListDraftsResponse) => answer
  )
  const items = (drafts ?? []).map(({ id, message }) => ({
    id: id ?? '',
    message: { id: message?.id ?? '', threadId: message?.threadId ?? '' }
  }))
  return { items, nextPageToken: nextPageToken ?? null }
}

/** For good: it does not go to the bin. 10 units. */
export async function deleteDraft(gmail: Gmail, id: string): Promise<void> {
  await gmail.call('drafts.delete', (users, options) => users.drafts.delete({ userId, id }, options))
}
