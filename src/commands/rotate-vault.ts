import { resealChecks, vaultCheckCollection } from '../vault/check.ts'
import { rotate } from './reseal.ts'
import { CommandFailure, type Toolbox } from './toolbox.ts'

const width = 30

/** Seals everything again under the first key, with a bar that shows how far it is. */
export async function rotateVault(
  { config, database, vault }: Toolbox,
  { progress, note }: { progress(text: string): void; note(text: string): void }
): Promise<void> {
  const { resealed, unsealable, sealedMeanwhile } = await rotate(database, vault, ({ done, total }) => {
    const filled = total === 0 ? width : Math.round((done / total) * width)
    progress(`\r[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done}/${total}`)
  })
  await resealChecks(config.vaultKeys, database.collection(vaultCheckCollection))
  note(`\n${resealed} records are sealed under ${vault.keyIds[0]} now.`)
  if (unsealable > 0)
    throw new CommandFailure(`${unsealable} records do not open with any key of the ring; they stay as they are`)
  if (sealedMeanwhile > 0) {
    throw new CommandFailure(
      `${sealedMeanwhile} records were sealed under an older key meanwhile: give every replica this ring, then run this again`
    )
  }
  note(
    'The older keys of VAULT_KEYS open nothing any more and can be removed, once every replica runs with the new ring.'
  )
}
