import { z } from 'zod'

/** What the Gmail routes answer with. HTML and names are the sender's: nothing in them is made safe to show. */

export const AddressView = z
  .object({ name: z.string(), address: z.string() })
  .meta({ id: 'GmailAddress', description: 'Decoded; either may be empty.' })
export type AddressView = z.infer<typeof AddressView>

export const AttachmentView = z
  .object({
    id: z.string().describe('The part of the mail; it never changes. `root` where the mail is one file.'),
    filename: z.string().nullable(),
    mimeType: z.string(),
    size: z.number().int().describe('Bytes.'),
    inline: z.boolean().describe('To be shown inside the text.'),
    contentId: z.string().nullable().describe('What `cid:` in the html refers to.'),
    within: z.string().optional().describe('The forwarded mail that contains it.')
  })
  .meta({ id: 'GmailAttachment' })
export type AttachmentView = z.infer<typeof AttachmentView>

export const MessageSummary = z
  .object({
    id: z.string(),
    threadId: z.string(),
    historyId: z.string().nullable(),
    labelIds: z.array(z.string()),
    unread: z.boolean(),
    starred: z.boolean(),
    draft: z.boolean(),
    receivedAt: z.string().nullable().describe("When Gmail took it: the inbox's order."),
    date: z.string().nullable().describe('What the mail says.'),
    subject: z.string(),
    snippet: z.string(),
    from: AddressView.nullable(),
    sender: AddressView.nullable(),
    to: z.array(AddressView),
    cc: z.array(AddressView),
    bcc: z.array(AddressView),
    replyTo: z.array(AddressView),
    messageId: z.string().nullable(),
    inReplyTo: z.string().nullable(),
    references: z.array(z.string()),
    sizeEstimate: z.number().int()
  })
  .meta({ id: 'GmailMessageSummary' })
export type MessageSummary = z.infer<typeof MessageSummary>

const problemsInMail = ['charset_unknown'] as const

export const MessageView = MessageSummary.extend({
  text: z.string().nullable(),
  html: z.string().nullable().describe('As the sender wrote it: never show it without a sanitizer.'),
  textFromHtml: z.boolean().describe('The mail has no text: this one was made from its html, as `text=derive` asks.'),
  truncated: z.boolean().describe('There is more of it than is shown; `raw` has it all.'),
  attachments: z.array(AttachmentView),
  headers: z.record(z.string(), z.array(z.string())),
  problems: z.array(z.enum(problemsInMail))
}).meta({ id: 'GmailMessage' })
export type MessageView = z.infer<typeof MessageView>

export const ThreadSummary = z
  .object({
    id: z.string(),
    historyId: z.string().nullable(),
    subject: z.string(),
    snippet: z.string().describe("The newest message's."),
    messageCount: z.number().int(),
    labelIds: z.array(z.string()).describe('Of any of its messages.'),
    unread: z.boolean(),
    participants: z.array(AddressView),
    receivedAt: z.string().nullable().describe("The newest message's.")
  })
  .meta({ id: 'GmailThreadSummary' })
export type ThreadSummary = z.infer<typeof ThreadSummary>

export const ThreadView = ThreadSummary.extend({ messages: z.array(MessageView) }).meta({ id: 'GmailThread' })
export type ThreadView = z.infer<typeof ThreadView>

export const FailedItem = z
  .object({ id: z.string(), error: z.object({ code: z.string() }) })
  .meta({ id: 'GmailFailedItem', description: 'Stands where the item would: the others are not harmed.' })

export const LabelView = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.enum(['system', 'user']),
    color: z.object({ textColor: z.string(), backgroundColor: z.string() }).nullable(),
    labelListVisibility: z.string().nullable(),
    messageListVisibility: z.string().nullable()
  })
  .meta({ id: 'GmailLabel' })
export type LabelView = z.infer<typeof LabelView>

export const CountedLabelView = LabelView.extend({
  messagesTotal: z.number().int(),
  messagesUnread: z.number().int(),
  threadsTotal: z.number().int(),
  threadsUnread: z.number().int()
}).meta({ id: 'GmailCountedLabel' })
export type CountedLabelView = z.infer<typeof CountedLabelView>

export const ProfileView = z
  .object({
    emailAddress: z.string(),
    messagesTotal: z.number().int(),
    threadsTotal: z.number().int(),
    historyId: z.string()
  })
  .meta({ id: 'GmailProfile' })
export type ProfileView = z.infer<typeof ProfileView>

export const AliasView = z
  .object({
    address: z.string(),
    name: z.string(),
    replyTo: z.string().nullable(),
    isPrimary: z.boolean(),
    isDefault: z.boolean(),
    verified: z.boolean().describe('Mail can only be sent from a verified one.')
  })
  .meta({ id: 'GmailAlias' })
export type AliasView = z.infer<typeof AliasView>
