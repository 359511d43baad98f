import type { ObjectId } from 'mongodb'
import { CodedError, GuichetError, hasCode } from '../../errors.ts'
import type { Gmail } from './client.ts'
import { deleteDraft } from './drafts.ts'
import { findSent, toSent } from './find-sent.ts'
import { type Held, type Known, type SendRecords, type Sent, sha256 } from './idempotency.ts'
import type { Mailbox } from './mailbox.ts'
import type { OutgoingFile, OutgoingMail } from './outgoing.ts'
import type { Prepare } from './prepare.ts'
import { type Draft, drop, findDrafts, isDraft, readDraft } from './send-drafts.ts'
import { isRefusal, isUnclear, resumeSeconds, unknown, unlessUnknown, watched } from './send-faults.ts'
import { submit } from './upload.ts'

export interface SendOptions {
  /** The app's Idempotency-Key: with it the mail is sent once, even if a process dies in between. */
  key?: string | undefined
  /** Files that arrive after the mail's own, one by one. */
  files?: HashedFiles | undefined
}

/** Files whose bytes are hashed as they are read. */
export interface HashedFiles extends AsyncIterable<OutgoingFile> {
  /** SHA-256 of all of them, once they have been read. */
  hash(): string
  /** Reads the rest, for its hash alone. */
  drain(): Promise<void>
}

export interface SendOutcome {
  sent: Sent
  /** The key was used before, and this is the result it had then. */
  isReplayed: boolean
}

export interface Sending {
  /** @throws GuichetError `send_outcome_unknown`, and those of composing, of the key and of the calls */
  send(mailbox: Mailbox, mail: OutgoingMail, options: SendOptions): Promise<SendOutcome>
  /** Sends a draft that is there already. */
  sendDraft(mailbox: Mailbox, draftId: string, options: Pick<SendOptions, 'key'>): Promise<SendOutcome>
  /** Deletes the drafts of sends that their apps have given up; `open` gives a connection's mailbox, where it has one. */
  tidy(open: (connectionId: ObjectId) => Promise<Mailbox | undefined>, signal: AbortSignal): Promise<void>
}

const userId = 'me'
const maxSends = 3

/**
 * Gmail knows no idempotency keys, but sends a draft only once. So a mail with a key is made a draft first, and after a lost
 * answer Gmail is asked whether the draft is still there. Any replica continues where another stopped.
 */
export function createSending(options: { records: SendRecords; prepare: Prepare; nowMs: () => number }): Sending {
  const { records, prepare, nowMs } = options

  async function sendOnce(mailbox: Mailbox, mail: OutgoingMail, files: HashedFiles | undefined): Promise<Sent> {
    const { gmail } = mailbox
    const identity = { messageId: `<${crypto.randomUUID()}@${domainOf(mailbox)}>`, date: new Date(nowMs()) }
    const { body, threadId } = await prepare(mailbox, mail, { ...identity, files, needsRecipients: true })
    const call = watched()
    try {
      const message = await submit(gmail, 'messages.send', body, threadId, (users, { requestBody, media }, options) =>
        call.watch(users.messages.send({ userId, requestBody, ...(media && { media }) }, options))
      )
      return toSent(message)
    } catch (error) {
      throw call.isUncertain(error) ? new GuichetError('send_outcome_unknown', { cause: error }) : error
    }
  }

  /** The one draft that holds the mail of this key: the one that is there, or a new one. */
  async function requireDraft(mailbox: Mailbox, held: Held, mail: OutgoingMail, files?: HashedFiles): Promise<void> {
    const { gmail } = mailbox
    const { record } = held
    if (record.draftId !== null) return requireSameFiles(record.filesHash, files)
    const prepared = await prepare(mailbox, mail, { ...record, files, needsRecipients: true })
    // A draft made earlier may hold other files: its origin is not known.
    const before = held.isResumed ? await findDrafts(gmail, record.messageId) : []
    const usable = files ? undefined : before[0]
    const draft = usable ?? (await create())
    try {
      await held.keep({
        draftId: draft.id,
        isMade: true,
        threadId: draft.threadId,
        filesHash: files ? files.hash() : null
      })
    } catch (error) {
      // Another process has taken over, and made its own draft.
      if (hasCode(error, 'in_progress')) await drop(gmail, draft.id)
      throw error
    }
    for (const { id } of before) if (id !== draft.id) await drop(gmail, id)

    async function create(): Promise<Draft> {
      const { body, threadId } = prepared
      try {
        const made = await submit(gmail, 'drafts.create', body, threadId, (users, { requestBody, media }, options) =>
          users.drafts.create({ userId, requestBody: { message: requestBody }, ...(media && { media }) }, options)
        )
        if (!made.id) throw new GuichetError('google_invalid_response', { cause: new CodedError('no_draft_id') })
        return { id: made.id, threadId: made.message?.threadId ?? null }
      } catch (error) {
        // The answer may be lost and the draft there all the same.
        if (!isUnclear(error) || files) throw error
        const [found] = await findDrafts(gmail, record.messageId)
        if (!found) throw error
        return found
      }
    }
  }

  /** Sends the draft of this key, and finds out what became of it where Gmail's answer is lost. */
  async function sendDrafted(gmail: Gmail, held: Held): Promise<Sent> {
    const { record } = held
    const { draftId } = record
    if (draftId === null) throw new GuichetError('internal')
    for (let sends = 1; ; sends++) {
      let fault: unknown
      const call = watched()
      try {
        const message = await gmail.call('drafts.send', (users, options) =>
          call.watch(users.drafts.send({ userId, requestBody: { id: draftId } }, options))
        )
        return toSent(message)
      } catch (error) {
        fault = error
      }
      const isGone = hasCode(fault, 'not_found')
      if (!isGone && !call.isUncertain(fault)) throw fault
      if (isGone || !(await unlessUnknown(isDraft(gmail, draftId), fault))) {
        const sent = await unlessUnknown(findSent(gmail, record), fault)
        if (sent) return sent
        throw unknown(fault)
      }
      // It is still a draft, so it was not sent.
      if (sends >= maxSends) throw new GuichetError('google_unavailable', { retryAfterSeconds: resumeSeconds })
    }
  }

  /** Runs the work under the key; its outcome is written down, and a key that did nothing is free again. */
  async function underKey(
    claimed: Held | Known,
    gmail: Gmail,
    work: (held: Held) => Promise<Sent>,
    ownsDraft: boolean
  ): Promise<SendOutcome> {
    if ('sent' in claimed) return { sent: claimed.sent, isReplayed: true }
    let sent: Sent
    try {
      sent = await work(claimed)
    } catch (error) {
      const { draftId } = claimed.record
      if (!isRefusal(error)) await claimed.release().catch(() => {})
      else {
        // The mail itself was refused: nothing of it may stay.
        if (ownsDraft && draftId !== null) await drop(gmail, draftId)
        await claimed.forget().catch(() => {})
      }
      throw error
    }
    // The mail is sent: where its result cannot be stored, the next request with this key finds it at Gmail.
    await claimed.keep({ sent }).catch(() => {})
    await claimed.release().catch(() => {})
    return { sent, isReplayed: false }
  }

  return {
    async tidy(open, signal) {
      for await (const held of records.abandoned()) {
        const { connectionId, draftId } = held.record
        try {
          const mailbox = await open(connectionId)
          if (mailbox && draftId !== null) await deleteDraft(mailbox.gmail, draftId)
          // If the app repeats its request after all, a new draft is made.
          await held.keep({ draftId: null, isMade: false, filesHash: null })
        } catch (error) {
          if (!hasCode(error, 'not_found')) throw error
          // It was sent, or its user deleted it: a repeated request finds out which.
          await held.keep({ isMade: false })
        } finally {
          await held.release()
        }
        if (signal.aborted) return
      }
    },

    async send(mailbox, mail, { key, files }) {
      if (key === undefined) return { sent: await sendOnce(mailbox, mail, files), isReplayed: false }
      const { connection, gmail } = mailbox
      const claimed = await records.claim({
        connectionId: connection._id,
        key,
        hash: sha256(JSON.stringify(mail)),
        domain: domainOf(mailbox)
      })
      if ('sent' in claimed) await requireSameFiles(claimed.filesHash, files)
      return underKey(
        claimed,
        gmail,
        async held => {
          await requireDraft(mailbox, held, mail, files)
          return sendDrafted(gmail, held)
        },
        true
      )
    },

    async sendDraft(mailbox, draftId, { key }) {
      const { connection, gmail } = mailbox
      if (key === undefined) {
        const call = watched()
        try {
          const message = await gmail.call('drafts.send', (users, options) =>
            call.watch(users.drafts.send({ userId, requestBody: { id: draftId } }, options))
          )
          return { sent: toSent(message), isReplayed: false }
        } catch (error) {
          throw call.isUncertain(error) ? new GuichetError('send_outcome_unknown', { cause: error }) : error
        }
      }
      const hash = sha256('draft ', draftId)
      const claimed = await records.claim({ connectionId: connection._id, key, hash, domain: domainOf(mailbox) })
      return underKey(
        claimed,
        gmail,
        async held => {
          if (held.record.draftId === null) await held.keep(await readDraft(gmail, draftId))
          return sendDrafted(gmail, held)
        },
        false
      )
    }
  }
}

/** @throws GuichetError `idempotency_mismatch` */
async function requireSameFiles(hash: string | null, files: HashedFiles | undefined): Promise<void> {
  await files?.drain()
  if ((files?.hash() ?? null) !== hash) throw new GuichetError('idempotency_mismatch')
}

function domainOf({ connection }: Mailbox): string {
  return connection.account.email.split('@')[1] ?? 'localhost'
}
