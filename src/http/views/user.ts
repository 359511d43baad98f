import type { UserRecord } from '../../accounts/users.ts'
import type { UserView } from '../schemas.ts'

export function toUserView({ _id, email, name, picture, externalId }: UserRecord): UserView {
  return { id: _id.toHexString(), email, name, picture, externalId: externalId ?? null }
}
