import { z } from 'zod'
import { ConnectionParams } from './views/connection.ts'

// Google's ids go into the path of a call to Google: nothing but their own letters may come in.
export const GmailId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Gmail')
export const LabelId = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'must be an id of a label')
export const PageToken = z.string().regex(/^[A-Za-z0-9_=+/-]{1,512}$/, 'must be a page token of Gmail')

export const MessageParams = ConnectionParams.extend({ messageId: GmailId })
export const ThreadParams = ConnectionParams.extend({ threadId: GmailId })
export const DraftParams = ConnectionParams.extend({ draftId: GmailId })
