import addressparser from 'nodemailer/lib/addressparser'
import { z } from 'zod'
import type { Address } from './mime/addresses.ts'

/** What an app gives for a mail to send or to keep as a draft. */

const maxRecipients = 500
const maxFiles = 100
const maxBase64Length = 14 * 1024 * 1024
const letter = 'A-Za-z0-9\\u00a0-\\uffff'
const domainLabel = `[${letter}](?:[${letter}-]{0,61}[${letter}])?`
/** An address without a quoted local part: those are practically unused, and parsers disagree about them. */
const addressPattern = new RegExp(
  `^[\\w.!#$%&'*+/=?^\`{|}~\\u00a0-\\uffff-]{1,64}@${domainLabel}(?:\\.${domainLabel}){0,20}$`
)
const maxNameLength = 255

const GivenAddress = z.strictObject({
  name: z.string().max(maxNameLength).default(''),
  address: z.string().regex(addressPattern, 'must be an e-mail address')
})
const OutgoingAddress = z
  .union([
    z
      .string()
      .max(600)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text'),
    GivenAddress
  ])
  .transform((given, context): Address => {
    if (typeof given !== 'string') return given
    const [one, ...more] = addressparser(given, { flatten: true })
    // With two addresses in brackets it is unclear which one is meant.
    const brackets = given.replace(/"(?:[^"\\]|\\.)*"/g, '').split('<').length - 1
    if (
      !one ||
      more.length > 0 ||
      brackets > 1 ||
      !addressPattern.test(one.address) ||
      one.name.length > maxNameLength
    ) {
      context.issues.push({ code: 'custom', message: 'must be one e-mail address', input: undefined })
      return z.NEVER
    }
    return { name: one.name, address: one.address }
  })
  .describe('`Ada <ada@example.com>`, or name and address separately.')
const Addresses = z.array(OutgoingAddress).max(maxRecipients)

const contentId = z
  .string()
  .regex(/^[A-Za-z0-9._@+-]{1,200}$/, 'must be letters, digits and ._@+-')
  .describe('What `cid:` in the html refers to.')
const mimeType = z
  .string()
  .regex(/^[A-Za-z0-9!#$&^_.+-]{1,100}\/[A-Za-z0-9!#$&^_.+-]{1,100}$/, 'must be a media type without parameters')
const GivenFile = z.strictObject({
  filename: z.string().min(1).max(255),
  mimeType: mimeType.default('application/octet-stream'),
  content: z
    .string()
    .max(maxBase64Length)
    .regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'must be base64')
    .refine(text => text.replace(/=+$/, '').length % 4 !== 1, 'must be base64')
    .describe('In base64.'),
  contentId: contentId.optional(),
  inline: z.boolean().default(false)
})
const ReferredFile = z.strictObject({
  fromMessage: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Gmail'),
  partId: z.string().regex(/^(root|[0-9]{1,6}(\.[0-9]{1,6}){0,30})$/, 'must be the id of a part'),
  filename: z.string().min(1).max(255).optional(),
  contentId: contentId.optional(),
  inline: z.boolean().default(false)
})

/** Headers an app may set; all others are guichet's, or would break what it promises. */
const headerName = z
  .string()
  .regex(/^(X-[A-Za-z0-9-]{1,74}|List-[A-Za-z0-9-]{1,71}|Auto-Submitted|Importance|Precedence)$/i, {
    error: 'must be X-…, List-…, Auto-Submitted, Importance or Precedence'
  })
  .refine(name => !/^x-(google|gm|guichet)-/i.test(name), "must not be one of Google's or guichet's own")

export const OutgoingMail = z
  .strictObject({
    from: OutgoingAddress.optional().describe(
      'One of the verified addresses of the account; by default the one that received what is answered, or the usual one.'
    ),
    to: Addresses.optional(),
    cc: Addresses.optional(),
    bcc: Addresses.optional(),
    replyTo: Addresses.optional(),
    subject: z.string().max(2_000).optional(),
    text: z.string().optional(),
    html: z.string().optional(),
    inReplyToMessage: z
      .strictObject({
        messageId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Gmail'),
        mode: z.enum(['reply', 'replyAll', 'forward']).default('reply')
      })
      .optional()
      .describe('Recipients, subject and conversation come from it, unless they are given.'),
    newThread: z.boolean().default(false).describe('A reply that starts a new conversation.'),
    attachments: z
      .array(z.union([GivenFile, ReferredFile]))
      .max(maxFiles)
      .optional()
      .describe('Files given here, or files of other mails, which go from Gmail to Gmail.'),
    headers: z.record(headerName, z.string().max(2_000)).optional()
  })
  .refine(
    ({ to = [], cc = [], bcc = [] }) => to.length + cc.length + bcc.length <= maxRecipients,
    `must have ${maxRecipients} recipients at most`
  )
  .meta({ id: 'GmailOutgoingMail' })
export type OutgoingMail = z.infer<typeof OutgoingMail>

/** A file whose bytes come from elsewhere: opened when its turn comes. */
export interface OutgoingFile {
  /** Where they are known before it is opened. */
  filename?: string | undefined
  mimeType?: string | undefined
  contentId?: string | undefined
  inline: boolean
  open(): Promise<OpenedFile> | OpenedFile
}
export interface OpenedFile {
  filename: string | null
  mimeType: string
  bytes: AsyncIterable<Uint8Array> | Buffer
}
