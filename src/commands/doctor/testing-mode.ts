import { connectionCollection } from '../../connections/repository.ts'
import { type Check, notChecked, ok, warning } from './finding.ts'

/** Google ends the grants of a project in Testing after seven days; what it announced stands in the connections. */
export const checkTestingMode: Check = async ({ database }) => {
  const connections = database.collection(connectionCollection)
  const all = await connections.countDocuments({ live: true })
  if (all === 0) return [notChecked('nothing is connected yet')]
  const ending = await connections.countDocuments({ live: true, refreshTokenExpiresAt: { $ne: null } })
  if (ending === 0) return [ok('Google announced no end of any connection: the project is not in Testing')]
  return [
    warning(
      `Google ends ${ending} of ${all} connections on a day it announced: the project is in Testing mode`,
      'Google Auth Platform → Audience → Publish app; then these users connect once more.'
    )
  ]
}
