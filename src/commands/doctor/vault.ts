import { connectionCollection } from '../../connections/repository.ts'
import { vaultCheckCollection } from '../../vault/check.ts'
import { type Check, fault, ok, warning } from './finding.ts'

/** Whether the keys are those that sealed this database, and whether an older one is still needed. */
export const checkVault: Check = async ({ config, database, vault }) => {
  const { checks = {} } = (await database.collection(vaultCheckCollection).findOne({ _id: 'vault' })) ?? {}
  for (const { id } of config.vaultKeys) {
    try {
      if (checks[id]) vault.open(checks[id], { owner: 'guichet', record: 'vault', field: 'check' })
    } catch {
      return [
        fault(
          `the key ${id} is another than the one of that id which sealed this database`,
          'Bring the right key back into VAULT_KEYS; a new key needs a new id.'
        )
      ]
    }
  }
  const connections = database.collection(connectionCollection)
  const ring = config.vaultKeys.map(({ id }) => id)
  // `v2.keyId.…`, or `keyId.…` of the earlier version.
  const known = { $regex: `^(v2\\.)?(${ring.map(escapePattern).join('|')})\\.` }
  const foreign = await connections.countDocuments({ live: true, refreshToken: { $not: known, $ne: '' } } as object)
  if (foreign > 0)
    return [
      fault(
        `${foreign} connections are sealed under keys that VAULT_KEYS does not name`,
        'Bring those keys back at the end of VAULT_KEYS; without them these users must connect again.'
      )
    ]
  const first = { $regex: `^${escapePattern(vault.prefix)}` }
  const older = await connections.countDocuments({ live: true, refreshToken: { $not: first, $ne: '' } } as object)
  if (older === 0) return [ok(`every token is sealed under ${ring[0]}, the first of VAULT_KEYS`)]
  return [warning(`${older} connections are sealed under an older key or form`, 'Run «guichet vault rotate».')]
}

const escapePattern = (text: string) => text.replace(/[^\w-]/g, '\\$&')
