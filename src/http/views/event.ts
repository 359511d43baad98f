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
        connectionId: z.string().optional(),
        externalId: z.string().optional(),
        messageId: z.string().optional(),
        threadId: z.string().optional(),
        labelIds: z.array(z.string()).optional(),
        addedLabelIds: z.array(z.string()).optional(),
        removedLabelIds: z.array(z.string()).optional(),
        historyId: z.string().optional()
      })
      .describe('The connection, for events about it; only ids, for events in its mailbox.')
  })
  .meta({ id: 'Event' })

export function toEventView({ id, type, createdAt, data }: EventRecord): z.infer<typeof EventView> {
  return { id, type, createdAt: createdAt.toISOString(), data: { ...data } }
}
