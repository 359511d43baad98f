import type { UserView } from '../schemas.ts'
import type { UserRecord } from './users.ts'

export function toUserView({ _id, email, name, picture, externalId }: UserRecord): UserView {
  return { id: _id.toHexString(), email, name, picture, externalId: externalId ?? null }
}
