import { z } from 'zod'
import type { UserRecord } from '../../accounts/users.ts'

export const UserView = z
  .object({
    id: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    picture: z.string().nullable(),
    externalId: z.string().nullable()
  })
  .meta({ id: 'User' })
export type UserView = z.infer<typeof UserView>

export function toUserView({ _id, email, name, picture, externalId }: UserRecord): UserView {
  return { id: _id.toHexString(), email, name, picture, externalId: externalId ?? null }
}
