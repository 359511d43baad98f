/**
 * What each method of the Gmail API costs, in units of Google's quota, whatever the format asked for:
 * https://developers.google.com/workspace/gmail/api/reference/quota, as of May 2026.
 */
export const costs = {
  getProfile: 1,
  'labels.list': 1,
  'labels.get': 1,
  'settings.sendAs.list': 1,
  'history.list': 2,
  'messages.list': 5,
  'messages.modify': 5,
  'messages.untrash': 5,
  'drafts.list': 5,
  'labels.create': 5,
  'labels.patch': 5,
  'labels.delete': 5,
  'drafts.create': 10,
  'drafts.delete': 10,
  'threads.list': 10,
  'threads.modify': 10,
  'threads.untrash': 10,
  'drafts.update': 15,
  'messages.get': 20,
  'messages.attachments.get': 20,
  'messages.trash': 20,
  'drafts.get': 20,
  'threads.trash': 20,
  'threads.get': 40,
  'messages.batchModify': 50,
  stop: 50,
  'messages.send': 100,
  'drafts.send': 100,
  watch: 100
} as const satisfies Record<string, number>

/** A method of the Gmail API, by its name in Google's reference under `users`. */
export type GmailMethod = keyof typeof costs

/** Those whose answer has no body. */
export const silent: ReadonlySet<GmailMethod> = new Set<GmailMethod>([
  'labels.delete',
  'drafts.delete',
  'messages.batchModify',
  'stop'
])

/** Whether the method changes nothing: a read may be repeated after a lost answer. */
export function onlyReads(method: GmailMethod): boolean {
  return /(^getProfile|\.(get|list))$/.test(method)
}
