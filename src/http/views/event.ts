import { z } from 'zod'
import type { EventRecord } from '../../events/event.ts'
import { ConnectionView } from './connection.ts'

export const EventView = z
  .object({
    id: z.string().describe('The same in every delivery.'),
    type: z.string(),
    createdAt: z.iso.datetime(),
    data: z
      .looseObject({
        connection: ConnectionView.optional(),
        user: z.object({ id: z.string() }).optional(),
        connectionId: z.string().optional(),
        externalId: z.string().optional(),
        messageId: z.string().optional(),
        threadId: z.string().optional(),
        labelIds: z.array(z.string()).optional(),
        addedLabelIds: z.array(z.string()).optional(),
        removedLabelIds: z.array(z.string()).optional(),
        historyId: z.string().optional(),
        expiresAt: z.iso.datetime().optional().describe('Of `gmail.watch_*`: when pushes end or ended.'),
        from: z.string().optional().describe('Of `gmail.resync`: the historyId from which mail was looked up again.'),
        to: z.string().optional().describe('Of `gmail.resync`: the historyId up to which it was.'),
        truncated: z.boolean().optional().describe('Of `gmail.resync`: there was more mail than was looked up.'),
        reason: z.string().optional().describe('Of `gmail.resync`: `cursor_expired`.')
      })
      .describe(
        "The connection, for events about it; the user's id, for `user.deleted`; ids and no mail, for events in a mailbox."
      )
  })
  .meta({ id: 'Event' })

export function toEventView({ id, type, createdAt, data }: EventRecord): z.infer<typeof EventView> {
  return { id, type, createdAt: createdAt.toISOString(), data: { ...data } }
}
