import type { z } from 'zod'
import type { EventRecord } from '../../events/event.ts'
import type { EventView } from '../schemas.ts'

export function toEventView({ id, type, createdAt, data }: EventRecord): z.infer<typeof EventView> {
  return { id, type, createdAt: createdAt.toISOString(), data: { ...data } }
}
