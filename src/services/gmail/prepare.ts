import { CodedError, GuichetError } from '../../errors.ts'
import type { Attachments } from './attachments.ts'
import type { Gmail } from './client.ts'
import { composeMail, type Mail } from './compose.ts'
import { forwardedHtml, forwardedText } from './forward.ts'
import type { Mailbox } from './mailbox.ts'
import type { OutgoingFile, OutgoingMail } from './outgoing.ts'
import { readMessage, readMessageSummary } from './read.ts'
import { type Answer, answer, isSame, receivingAlias } from './reply.ts'
import type { MailBody } from './upload.ts'
import type { AliasView, MessageView } from './views.ts'

/** A mail that is ready to be handed over, and the conversation that it belongs to. */
export interface PreparedMail {
  /** The mail that the body is written from. */
  mail: Mail
  body: MailBody
  threadId: string | undefined
}

export interface PrepareOptions {
  messageId: string
  date: Date
  /** Files that arrive after the mail's own, one by one, and are read once. */
  files?: AsyncIterable<OutgoingFile> | undefined
  /** The place in its conversation of the draft that is replaced. */
  draft?: Pick<Answer, 'threadId' | 'inReplyTo' | 'references' | 'subject'> | undefined
  /** A draft may lack recipients. */
  needsRecipients: boolean
}

export type Prepare = (mailbox: Mailbox, mail: OutgoingMail, options: PrepareOptions) => Promise<PreparedMail>

/**
 * Makes a mail of what an app gave, with what it answers or forwards. Reading the parent costs 20 units.
 * @throws GuichetError `invalid_request`, `sender_not_allowed`, `subject_breaks_thread`, `not_found`
 */
export function createPrepare(options: {
  aliases: (mailbox: Mailbox) => Promise<AliasView[]>
  attachments: Attachments
}): Prepare {
  const { aliases, attachments } = options

  return async (mailbox, mail, { messageId, date, files, draft, needsRecipients }) => {
    const { gmail, connection } = mailbox
    const own = await aliases(mailbox)
    const asked = mail.inReplyToMessage
    const isForward = asked?.mode === 'forward'
    const parent = asked && (await readParent(asked.messageId, isForward))
    const answered = parent && asked ? answer(parent, asked.mode, mail, own) : undefined
    const { to = mail.to ?? [], cc = mail.cc ?? [] } = answered ?? {}
    const bcc = mail.bcc ?? []
    if (needsRecipients && to.length + cc.length + bcc.length === 0)
      throw new GuichetError('invalid_request', {
        errors: [{ pointer: '/body/to', message: 'must name somebody to send to' }]
      })
    const forwarded = isForward ? (parent as MessageView) : undefined
    const composed: Mail = {
      from: chooseSender(mail, own, parent && receivingAlias(parent, own)),
      to,
      cc,
      bcc,
      replyTo: mail.replyTo ?? [],
      subject: answered?.subject ?? mail.subject ?? draft?.subject ?? '',
      text: forwarded ? forwardedText(forwarded, mail) : mail.text,
      html: forwarded ? forwardedHtml(forwarded, mail) : mail.html,
      inReplyTo: (answered ?? draft)?.inReplyTo,
      references: (answered ?? draft)?.references ?? [],
      headers: mail.headers ?? {},
      messageId,
      date,
      files: toFiles(mail, forwarded),
      ...(files && { moreFiles: files })
    }
    return {
      mail: composed,
      threadId: answered ? answered.threadId : draft?.threadId,
      body: { write: () => composeMail(composed), rewritable: files === undefined }
    }

    function readParent(id: string, whole: boolean) {
      return whole ? readMessage(gmail, id) : readMessageSummary(gmail, id)
    }

    function toFiles({ attachments: given }: OutgoingMail, source: MessageView | undefined): OutgoingFile[] {
      // A forward takes all files along, unless the app says which.
      if (!given && source)
        return source.attachments
          .filter(({ within }) => within === undefined)
          .map(({ id, filename, mimeType, contentId, inline }) => ({
            filename: filename ?? 'noname',
            mimeType,
            contentId: contentId ?? undefined,
            inline,
            open: () => open(source.id, id)
          }))
      return (given ?? []).map(file => {
        const { contentId, inline } = file
        if ('fromMessage' in file)
          return {
            contentId,
            inline,
            open: async () => {
              const opened = await open(file.fromMessage, file.partId)
              return { ...opened, filename: file.filename ?? opened.filename }
            }
          }
        const { filename, mimeType, content } = file
        return {
          filename,
          mimeType,
          contentId,
          inline,
          open: () => ({ filename, mimeType, bytes: Buffer.from(content, 'base64url') })
        }
      })
    }

    /** While the mail is on its way to Gmail: the upload has the account's slot. */
    function open(fromMessage: string, partId: string) {
      return attachments.open({ gmail: nested(gmail), connectionId: connection._id.toHexString() }, fromMessage, partId)
    }
  }
}

function nested(gmail: Gmail): Gmail {
  const call = (...[method, send, options]: Parameters<Gmail['call']>) =>
    gmail.call(method, send, { ...options, nested: true })
  return { ...gmail, call } as Gmail
}

/** @throws GuichetError `sender_not_allowed`: Gmail would put another address in its place without a word. */
function chooseSender(
  { from }: OutgoingMail,
  own: readonly AliasView[],
  received: AliasView | undefined
): Mail['from'] {
  if (from) {
    const alias = own.find(candidate => candidate.verified && isSame(candidate, from))
    if (!alias)
      throw new GuichetError('sender_not_allowed', {
        errors: [{ pointer: '/body/from', message: 'must be a verified address of this account' }]
      })
    return { name: from.name || alias.name, address: alias.address }
  }
  const { name, address } = received ?? own.find(({ isDefault }) => isDefault) ?? own[0] ?? { name: '', address: '' }
  if (!address) throw new GuichetError('google_invalid_response', { cause: new CodedError('no_address') })
  return { name, address }
}
