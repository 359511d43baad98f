import { type AccountGovernor, createAccountGovernor } from './governor.ts'
import type { Share } from './quota.ts'

/** More are remembered only while calls of theirs run. */
const maxAccounts = 5_000

/** The governor of each Google account that calls were made for lately. */
export function createGovernors(options: {
  quota: (id: string, unitsPerMinute: number) => Share
  unitsPerUser: number
  unitsPerProject: number
  nowMs: () => number
  onWait?: (waitedMs: number) => void
}): (sub: string) => AccountGovernor {
  const { quota, ...rest } = options
  const project = quota('project', rest.unitsPerProject)
  const accounts = new Map<string, AccountGovernor>()
  return sub => {
    const known = accounts.get(sub)
    if (known) return known
    if (accounts.size >= maxAccounts) for (const [other, { idle }] of accounts) if (idle) accounts.delete(other)
    const governor = createAccountGovernor({ ...rest, project, account: quota(`user:${sub}`, rest.unitsPerUser) })
    accounts.set(sub, governor)
    return governor
  }
}
