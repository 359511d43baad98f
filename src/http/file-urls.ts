/** Where this API serves the files of a mail, for a caller at the same door as `requestUrl`. */
export function toFileUrls(publicUrl: URL, requestUrl: string): (messageId: string, partId: string) => string {
  const path = /(?:\/v1)?\/connections\/[^/?]+\/gmail\//.exec(requestUrl)?.[0] ?? '/'
  return (messageId, partId) =>
    `${publicUrl.href.replace(/\/$/, '')}${path}messages/${messageId}/attachments/${partId}?disposition=inline`
}
