import { z } from 'zod'
import { ConnectionParams } from './views/connection.ts'

// Google's ids go into the path of a call to Google: nothing but their own letters may come in.
export const GmailId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Gmail')
export const LabelId = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'must be an id of a label')
export const PageToken = z.string().regex(/^[A-Za-z0-9_=+/-]{1,512}$/, 'must be a page token of Gmail')
/** Gmail's partId, or `root`. */
export const PartId = z.string().regex(/^(?:root|\d{1,5})(?:\.\d{1,5}){0,25}$/, 'must be the id of an attachment')
export const LabelName = z
  .string()
  .min(1)
  .max(225)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must be one line of text')

export const MessageParams = ConnectionParams.extend({ messageId: GmailId })
export const ThreadParams = ConnectionParams.extend({ threadId: GmailId })
export const DraftParams = ConnectionParams.extend({ draftId: GmailId })
export const LabelParams = ConnectionParams.extend({ labelId: LabelId })

export const maxExpanded = 50

/** The parameters of every list. */
const listFields = {
  q: z
    .string()
    .max(2000)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text')
    .optional()
    .describe("Gmail's search language."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(25)
    .describe(`At most ${maxExpanded} with summary or full, 500 with ids.`),
  pageToken: PageToken.optional().describe('nextPageToken of the page before.')
}
const view = z.enum(['ids', 'summary', 'full'])
const isWithinView = (query: { view: z.infer<typeof view>; limit: number }) =>
  query.view === 'ids' || query.limit <= maxExpanded
const tooMany = { path: ['limit'], message: `must be at most ${maxExpanded} with this view` }

export const ListQuery = z
  .strictObject({
    ...listFields,
    labelIds: z
      .union([LabelName.transform(label => [label]), z.array(LabelName).max(100)])
      .optional()
      .describe('Items that have all of these labels, each by its id or its name.'),
    view: view.default('ids').describe('How much of each item; `ids` is the cheapest.')
  })
  .refine(isWithinView, tooMany)

export const DraftListQuery = z
  .strictObject({ ...listFields, view: view.default('summary').describe('How much of each draft.') })
  .refine(isWithinView, tooMany)

/** How a mail or a thread is shown. */
export const ViewQuery = z.strictObject({
  format: z
    .enum(['minimal', 'metadata', 'full'])
    .optional()
    .describe("Google's own JSON of that format, as it is, in place of the view."),
  headers: z
    .string()
    .max(2000)
    .regex(/^[\w!#$%&'*+.^`|~-]{1,100}(?:,[\w!#$%&'*+.^`|~-]{1,100}){0,49}$/, 'must be a comma list of header names')
    .transform(list => list.toLowerCase().split(','))
    .optional()
    .describe('Further headers to show.'),
  cid: z.enum(['urls']).optional().describe('`urls`: links to inline files become URLs of this API.'),
  text: z
    .enum(['derive'])
    .optional()
    .describe('`derive`: if a mail has only html, make its text from that, if there is time.')
})
export type ViewQuery = z.infer<typeof ViewQuery>

const LabelList = z.array(LabelName).max(100).optional().describe('Ids or names.')
export const LabelChange = z.strictObject({ addLabels: LabelList, removeLabels: LabelList })
export const BatchChange = LabelChange.extend({ ids: z.array(GmailId).min(1).max(1000) })

/** Google's resource, handed on as it is: https://developers.google.com/workspace/gmail/api/reference/rest */
export const GoogleResource = z.looseObject({}).meta({ id: 'GmailResource', description: "Gmail's own resource." })
