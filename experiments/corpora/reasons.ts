const utf7 = 'UTF-7 is never decoded: it smuggles markup past a check of the bytes'
const named = 'an html with a file name beside a nameless text is a file'
const broken = 'the file name stands in a malformed RFC 2231 parameter, which Python does not read'

/** Why a view says something else than Python, by the file's name: each was looked at. */
export const reasons: Readonly<Record<string, string>> = {
  'legacy/001.eml': utf7,
  'legacy/005.eml': utf7,
  'legacy/034.eml': utf7,
  'regressions/utf7-terminators.eml': utf7,
  'mimetools-testmsgs/lennie.msg': named,
  'mimetools-testmsgs/multi-2evil.msg': 'encoded words inside a file name are decoded',
  'mimetools-testmsgs/russian.msg': broken,
  'testmsgs/russian-headers.msg': broken
}
