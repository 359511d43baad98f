import { GmailError } from '../gmail-errors.ts'
import type { GmailAccount, Watch } from './account.ts'

const WATCH_MS = 7 * 86_400_000

/** Begins to watch, in place of the watch before. */
export function startWatch(account: GmailAccount, body: Record<string, unknown>, nowMs: number): unknown {
  const known = ['topicName', 'labelIds', 'labelFilterBehavior', 'labelFilterAction']
  const unknown = Object.keys(body).find(key => !known.includes(key))
  if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
  const { topicName, labelIds = [], labelFilterBehavior = 'include' } = body
  if (
    typeof topicName !== 'string' ||
    !/^projects\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/topics\/[A-Za-z][\w.~+%-]{2,254}$/.test(topicName)
  ) {
    throw new GmailError('invalidArgument', 'Invalid topicName does not match projects/{project}/topics/*')
  }
  if (!Array.isArray(labelIds) || !labelIds.every(id => typeof id === 'string' && account.labels.has(id))) {
    throw new GmailError('invalidArgument', 'Invalid label')
  }
  if (account.refusesWatch === 'topic') {
    const message = `Error sending test message to Cloud PubSub ${topicName} : User not authorized to perform this action.`
    throw new GmailError('forbidden', message, { isExpected: true })
  }
  if (account.refusesWatch === 'another-client') {
    const message = 'Only one user push notification client allowed per developer (call /stop then try again)'
    throw new GmailError('invalidArgument', message, { isExpected: true })
  }
  const isExclude = String(labelFilterBehavior).toLowerCase() === 'exclude'
  const watch: Watch = {
    topicName,
    labelIds: labelIds as string[],
    labelFilterBehavior: isExclude ? 'exclude' : 'include',
    expirationMs: nowMs + WATCH_MS
  }
  account.watch = watch
  return { historyId: String(account.history.current()), expiration: String(watch.expirationMs) }
}

export function isWatched(account: GmailAccount, nowMs: number): boolean {
  return account.watch !== undefined && account.watch.expirationMs > nowMs
}
