/**
 * Ways to make "a local path or one of our origins" mean another site: tricks × hosts, after the lists that
 * circulate for open redirects and what they leave out (dot segments, characters that parsers fold or drop).
 */

export const publicOrigin = 'http://localhost:3000'
export const listedOrigin = 'https://app.example.com'
export const environment = { ALLOWED_ORIGINS: `${listedOrigin},https://admin.example.com:8443` }
export const ours = [publicOrigin, listedOrigin, 'https://admin.example.com:8443']

/** Where a browser on our site goes for this Location. */
export function originOf(location: string | undefined): string {
  return URL.canParse(location ?? '', publicOrigin)
    ? new URL(location ?? '', publicOrigin).origin
    : `no URL: ${location}`
}

const evil = 'evil.example'
const listed = 'app.example.com'
const local = 'localhost:3000'

/** Characters that one parser takes for a slash, a backslash or nothing, and the next one does not. */
const slashLike = [
  '\\',
  '%2f',
  '%5c',
  '%252f',
  '%255c',
  '\uff0f',
  '\uff3c',
  '\u2044',
  '\u2215',
  '\u29f8',
  '\u29f5',
  '\u3033'
]
const dropped = [
  '\t',
  '\n',
  '\r',
  '\r\n',
  '\0',
  '\x01',
  '\x0b',
  '\x1f',
  '\x7f',
  ' ',
  '\u00a0',
  '\u00ad',
  '\u200b',
  '\u2028',
  '\u3000',
  '\ufeff'
]
const droppedEscapes = ['%09', '%0a', '%0d', '%0d%0a', '%00', '%20', '%e3%80%80', '%E5%98%8A', '%c0%af', '%u2215']

/** What stands before a host. */
const leads = [
  '',
  '//',
  '///',
  '////',
  '/////',
  ...slashLike.flatMap(slash => [
    `/${slash}`,
    `${slash}/`,
    slash + slash,
    `/${slash}/`,
    `//${slash}`,
    `${slash}/${slash}/`
  ]),
  ...[...dropped, ...droppedEscapes].flatMap(gap => [
    `${gap}//`,
    `/${gap}/`,
    `//${gap}`,
    `//${gap}/`,
    `/${gap}\\`,
    `https:${gap}//`
  ]),
  ...[
    '.',
    '..',
    '...',
    ';',
    '%2e',
    '%2e%2e',
    '.%2e',
    'x/..',
    'x/../.',
    './.',
    '<>',
    '?',
    '#',
    '~',
    ':',
    '@',
    '&'
  ].flatMap(part => [`/${part}//`, `/${part}/\\`, `${part}//`]),
  ...[
    'http',
    'https',
    'HTTPS',
    'hTTp',
    'ht\ttps',
    'https\n',
    '\x01https',
    ' https',
    'x-https',
    'ftp',
    'ws',
    'wss',
    'file',
    'blob:https',
    'view-source:https',
    'javascript',
    'data',
    'mailto',
    'about',
    'intent',
    'feed:https'
  ].flatMap(scheme => [
    `${scheme}:`,
    `${scheme}:/`,
    `${scheme}://`,
    `${scheme}:///`,
    `${scheme}:\\\\`,
    `/${scheme}://`,
    `//${scheme}://`
  ]),
  '.',
  '@',
  '/@',
  '//@',
  '//;@',
  `//${local}@`,
  `//${local}\\@`,
  `//${local};@`,
  `//user:pass@`,
  `${publicOrigin}@`,
  `${publicOrigin}.`,
  `${publicOrigin}%40`,
  `${listedOrigin}@`,
  `${listedOrigin}%2f@`,
  `${listedOrigin}%5c@`,
  `${listedOrigin}:443@`,
  `${listedOrigin}:pass@`,
  `${listedOrigin}\\@`,
  `${listedOrigin}\t@`,
  `${listedOrigin}&@`,
  `${listedOrigin}+@`,
  `${listedOrigin}.`,
  `${listedOrigin}-`,
  `${listedOrigin}%2e`,
  `${listedOrigin}\u3002`,
  `${listedOrigin}\uff0e`,
  `${listedOrigin}\uff61`,
  `${listedOrigin}%E3%80%82`,
  `${listedOrigin}\0.`,
  `${listedOrigin}%00.`,
  `${listedOrigin}\u00ad.`,
  `${listedOrigin}\u200b.`,
  `${listedOrigin}_.`,
  `${listedOrigin}:`,
  `${listedOrigin}:443.`
]

/** Those that are combined with every host. */
const plainLeads = ['//', '///', '/\\', '/.//', '/..//', 'https://', 'http:', '/', '']

/** The host, with and without a suffix that deceives a filter. */
const hosts = [
  evil,
  `${evil}/`,
  `${evil}/%2e%2e`,
  `${evil}/%2f..`,
  `${evil}//${listed}/..`,
  `${evil}:443/`,
  `${evil}#@${listed}`,
  `${evil}?@${listed}`,
  `${evil}\\@${listed}`,
  `${evil}\\.${listed}`,
  `${evil}%23.${listed}`,
  `${evil}%2f.${listed}`,
  `${evil}%00.${listed}`,
  `${listed}@${evil}`,
  `${listed}%40${evil}`,
  `${listed}.${evil}`
]

/** Hosts that look like the listed one, under every scheme that could be mistaken for it. */
const disguises = [
  ...[
    'APP.EXAMPLE.COM',
    '\uff41pp.example.com',
    'app\u3002example\u3002com',
    'app\uff0eexample.com',
    'app.example.com.',
    'app.example.co\u1d39'
  ],
  ...[
    '\u0430pp.example.com',
    'app.ex\u0430mple.com',
    'app.example.c\u043em',
    'xn--pp-7kc.example.com',
    'app.example.com\u00ad',
    'app\u200b.example.com'
  ],
  ...[
    'app.example.com:80',
    'app.example.com:8443',
    'app.example.com:0443',
    'app.example.com:443',
    'app.example.com:',
    'app.example.com:65536'
  ],
  ...[
    'app%2eexample%2ecom',
    '%61pp.example.com',
    'app.example.com%',
    'app.example.com%zz',
    'app.example.com[',
    '[app.example.com]',
    'app.example.com]'
  ],
  ...[
    'sub.app.example.com',
    'example.com',
    'xapp.example.com',
    'app-example.com',
    'appXexample.com',
    'app.example.comx',
    'app.example.com,evil.example'
  ],
  ...[
    'localhost',
    'localhost:3001',
    'localhost:80',
    'LOCALHOST:3000',
    'localhost.:3000',
    'localhost:3000.',
    '\u24c1ocalhost:3000',
    'loc\u0430lhost:3000'
  ],
  ...[
    '127.0.0.1:3000',
    '127.1:3000',
    '0x7f.1:3000',
    '2130706433:3000',
    '017700000001:3000',
    '[::1]:3000',
    '[::ffff:127.0.0.1]:3000',
    '0:3000'
  ],
  ...[
    '203.0.113.9',
    '0xcb.0.0x71.9',
    '0xcb007109',
    '3405803785',
    '0313.0.0161.011',
    '203.28937',
    '[::203.0.113.9]',
    '[::ffff:203.0.113.9]',
    '[64:ff9b::203.0.113.9]'
  ],
  ...[
    '\u2461\u2460\u2462.0.113.9',
    '169.254.169.254',
    'user@app.example.com',
    ':@app.example.com',
    '@app.example.com',
    'app.example.com@',
    ''
  ]
].flatMap(host =>
  ['https://', 'http://', '//', 'https:', 'https:/', 'https:\\\\', 'HTTPS://', 'wss://'].map(
    scheme => `${scheme}${host}/x`
  )
)

const alert = 'alert(document.domain)'
const scripts = [
  `javascript:${alert}`,
  `JaVaScRiPt:${alert}`,
  `java\tscript:${alert}`,
  `java\nscript:${alert}`,
  `java%09script:${alert}`,
  `\x01javascript:${alert}`,
  ` javascript:${alert}`,
  `%19javascript:${alert}`,
  `javascript%3a${alert}`,
  `javascript&colon;${alert}`,
  `javas&#99;ript:${alert}`,
  `\\u006Aavascript:${alert}`,
  `\\x6aavascript:${alert}`,
  `\\152avascript:${alert}`,
  `/javascript:${alert}`,
  `//javascript:${alert}`,
  `/x:1/:///%01javascript:${alert}/`,
  `javascript://${listed}/%0a${alert}`,
  `javascript://${local}/\n${alert}`,
  `javascript:/*${listedOrigin}*/${alert}`,
  `<>javascript:${alert};`,
  `";${alert};//`,
  `vbscript:msgbox(1)`,
  'livescript:x',
  'data:text/html,<script>1</script>',
  'data:text/html;base64,PHNjcmlwdD4xPC9zY3JpcHQ+',
  `data:${listed};text/html,<script>1</script>`,
  'about:blank',
  'file:///etc/passwd',
  `blob:${listedOrigin}/1`,
  `filesystem:${listedOrigin}/temporary/x`,
  'mailto:x@evil.example',
  'tel:1',
  'null',
  'undefined',
  'true'
]

/** Paths and parameters of our own that try to end the header, or the value. */
const injections = [
  '\r\n',
  '\n',
  '\r',
  '%0d%0a',
  '%0D%0A%20',
  '\u560a\u560d',
  '%E5%98%8A%E5%98%8D',
  '\u2028',
  '\x85',
  '\0'
].flatMap(end => [
  `/inbox${end}Location: https://${evil}`,
  `/inbox${end}${end}<script>1</script>`,
  `/inbox?x=${end}Set-Cookie: guichet=${evil}`,
  `${listedOrigin}/${end}Location: https://${evil}`,
  `/${end}/${evil}`
])

const whole = [`https://${evil}`, `//${evil}`, `/\\${evil}`, `/.//${evil}`].flatMap(url => [
  encodeURIComponent(url),
  encodeURIComponent(encodeURIComponent(url)),
  [...url].map(character => `%${character.charCodeAt(0).toString(16)}`).join(''),
  `/${encodeURIComponent(url)}`,
  `/redirect?to=${encodeURIComponent(url)}`,
  `/auth/google?returnTo=${encodeURIComponent(url)}`,
  `${url},/`,
  `/,${url}`,
  `["${url}"]`
])

export const payloads: readonly string[] = [
  ...new Set([
    ...leads.flatMap(lead => [lead + evil, `${lead}${listed}@${evil}/%2f..`]),
    ...plainLeads.flatMap(lead => hosts.map(host => lead + host)),
    ...disguises,
    ...scripts,
    ...injections,
    ...whole,
    '',
    '/'.repeat(2000),
    `/${'a'.repeat(2100)}`,
    `/${'../'.repeat(500)}/${evil}`
  ])
]

/** Values that must be accepted, and where they lead: otherwise refusing everything would pass. */
export const allowed: Record<string, string> = {
  '/': '/?status=access_denied',
  '/inbox': '/inbox?status=access_denied',
  '/inbox?tab=1&tab=2': '/inbox?tab=1&tab=2&status=access_denied',
  '/inbox?status=connected': '/inbox?status=access_denied',
  '/inbox#part': '/inbox?status=access_denied#part',
  '/a/../b': '/b?status=access_denied',
  '/redirect?to=https%3A%2F%2Fevil.example': '/redirect?to=https%3A%2F%2Fevil.example&status=access_denied',
  [listedOrigin]: `${listedOrigin}/?status=access_denied`,
  [`${listedOrigin}/`]: `${listedOrigin}/?status=access_denied`,
  [`${listedOrigin}/app?x=1#y`]: `${listedOrigin}/app?x=1&status=access_denied#y`,
  [`${listedOrigin}//evil.example`]: `${listedOrigin}//evil.example?status=access_denied`
}
