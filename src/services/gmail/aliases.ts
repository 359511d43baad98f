import type { Mailbox } from './mailbox.ts'
import { readAliases } from './profile.ts'
import type { AliasView } from './views.ts'

const rememberedMs = 60_000
const maxRemembered = 5_000

/** The account's addresses, remembered for a minute. The account's own comes first. */
export function createAliases({ nowMs }: { nowMs: () => number }): (mailbox: Mailbox) => Promise<AliasView[]> {
  const known = new Map<string, { aliases: AliasView[]; untilMs: number }>()
  return async ({ connection, gmail }) => {
    const key = connection._id.toHexString()
    const remembered = known.get(key)
    if (remembered && nowMs() < remembered.untilMs) return remembered.aliases
    const read = await readAliases(gmail)
    const aliases = read.toSorted((one, other) => Number(other.isPrimary) - Number(one.isPrimary))
    if (known.size >= maxRemembered) known.clear()
    known.set(key, { aliases, untilMs: nowMs() + rememberedMs })
    return aliases
  }
}
