import type { Collection } from 'mongodb'
import type { VaultKey } from '../config/key-ring.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import { createVault, type Vault } from './vault.ts'

/** A value that each key sealed at its first start, by the key's id. */
export interface VaultCheckRecord {
  _id: string
  checks?: Record<string, string>
}

export const vaultCheckCollection: CollectionOf<VaultCheckRecord> = { name: 'meta', indexes: [] }

const record = 'vault'
const context = { owner: 'guichet', record, field: 'check' }
const known = 'this key is the one that sealed this database'

/**
 * Tells a wrong key before it can do harm: each key id's first boot leaves a value sealed by it, which the key of
 * that id must open ever after. Nothing is changed when one does not.
 * @throws GuichetError `unsealable`
 */
export async function checkKeys(
  vault: Vault,
  ring: readonly VaultKey[],
  meta: Collection<VaultCheckRecord>
): Promise<void> {
  const stored = (await meta.findOne({ _id: record }))?.checks ?? {}
  for (const { id } of ring) {
    const check = stored[id]
    if (check) vault.open(check, context)
  }
  for (const key of ring.filter(({ id }) => !stored[id])) {
    const field = `checks.${key.id}`
    try {
      await meta.updateOne(
        { _id: record, [field]: { $exists: false } },
        { $set: { [field]: createVault([key]).seal(known, context) } },
        { upsert: true }
      )
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      // Another process was first: its value, or for a moment that of another key alone, is there now.
      return checkKeys(vault, ring, meta)
    }
  }
}

/** Seals again what an earlier version sealed, each value under its own key: then no envelope of that version is left. */
export async function resealChecks(ring: readonly VaultKey[], meta: Collection<VaultCheckRecord>): Promise<void> {
  const stored = (await meta.findOne({ _id: record }))?.checks ?? {}
  for (const key of ring) {
    const vault = createVault([key])
    const [field, check] = [`checks.${key.id}`, stored[key.id]]
    if (!check || check.startsWith(vault.prefix)) continue
    await meta.updateOne(
      { _id: record, [field]: check },
      { $set: { [field]: vault.seal(vault.open(check, context), context) } }
    )
  }
}
