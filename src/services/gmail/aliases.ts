import type { Mailbox } from './mailbox.ts'

/** An address that the account may send from. */
export interface Alias {
  address: string
  name: string
  /** The one that new mail is sent from. */
  isDefault: boolean
  /** The account's own. */
  isPrimary: boolean
  /** Google has seen that it is the user's: only then may it be sent from. */
  verified: boolean
}

const rememberedMs = 60_000
const maxRemembered = 5_000

/** The account's addresses: one unit, and remembered for a minute. The account's own comes first. */
export function createAliases({ nowMs }: { nowMs: () => number }): (mailbox: Mailbox) => Promise<Alias[]> {
  const known = new Map<string, { aliases: Alias[]; untilMs: number }>()
  return async ({ connection, gmail }) => {
    const key = connection._id.toHexString()
    const remembered = known.get(key)
    if (remembered && nowMs() < remembered.untilMs) return remembered.aliases
    const { sendAs } = await gmail.call('settings.sendAs.list', (users, options) =>
      users.settings.sendAs.list({ userId: 'me' }, options)
    )
    const aliases = (Array.isArray(sendAs) ? sendAs : [])
      .map(alias => ({
        address: alias.sendAsEmail ?? '',
        name: alias.displayName ?? '',
        isDefault: alias.isDefault === true,
        isPrimary: alias.isPrimary === true,
        verified: alias.isPrimary === true || alias.verificationStatus === 'accepted'
      }))
      .toSorted((one, other) => Number(other.isPrimary) - Number(one.isPrimary))
    if (known.size >= maxRemembered) known.clear()
    known.set(key, { aliases, untilMs: nowMs() + rememberedMs })
    return aliases
  }
}
