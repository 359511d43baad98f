import type { ReadOptions } from '../services/gmail/read.ts'
import type { ViewQuery } from './gmail.ts'

/** What a request asks of the view of a mail or a thread. `url` is the request's own. */
export function toReadOptions(
  { headers = [], cid, text }: ViewQuery,
  { htmlToText, publicUrl, url }: { htmlToText: ReadOptions['toText']; publicUrl: URL; url: string }
): ReadOptions {
  return {
    headers,
    toText: text && htmlToText,
    ...(cid && { toFileUrl: toFileUrls(publicUrl, url) })
  }
}

/** Where this API serves the files of a mail, for a caller at the same door as `requestUrl`. */
function toFileUrls(publicUrl: URL, requestUrl: string): (messageId: string, partId: string) => string {
  const path = /(?:\/v1)?\/connections\/[^/?]+\/gmail\//.exec(requestUrl)?.[0] ?? '/'
  return (messageId, partId) =>
    `${publicUrl.href.replace(/\/$/, '')}${path}messages/${messageId}/attachments/${partId}?disposition=inline`
}
