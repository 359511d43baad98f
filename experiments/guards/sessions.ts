import { guardsOf } from './guard.ts'

const session = 'plugins/browser/session.ts'
const store = 'src/accounts/sessions.ts'
const crossSite = 'plugins/browser/cross-site.ts'
const crossOrigin = 'plugins/cross-origin.ts'
const hardening = 'plugins/hardening.ts'
const config = 'src/config/config.ts'
const environment = 'src/config/environment.ts'
const configTest = 'test/config/config.test.ts'
const isMalformed = '[R57] config › a malformed value names its variable'
const contradicts = '[R57] config › settings that contradict each other are refused'

export const sessionGuards = [
  ...guardsOf('src/accounts/erase.ts', 'test/accounts/erasing.test.ts', [
    [
      'no connection outlives its user',
      '[R32] erasing › a process stores a connection meanwhile and dies › it is removed again',
      'if (isListed && isAlone)',
      'if (isListed)'
    ],
    [
      'no ticket outlives its user',
      '[R32] erasing › a user of a host app with an open ticket',
      '      if (user?.externalId !== undefined) await tickets.voidFor(user.externalId)\n',
      ''
    ]
  ]),
  ...guardsOf('src/accounts/users.ts', 'test/accounts/erasing.test.ts', [
    [
      'no press of a void ticket brings its user back',
      '[R32] erasing › a ticket is pressed twice at once',
      'broughtAt: { $lte: voidedAt }',
      'broughtAt: { $lt: new Date(0) }'
    ]
  ]),
  ...guardsOf(session, 'test/accounts/session/fixation.test.ts', [
    [
      'signing in makes another session',
      '[R37] fixation › the id from before sign-in',
      '      await this.session.regenerate()\n',
      ''
    ]
  ]),
  ...guardsOf(session, 'test/accounts/session/logout.test.ts', [
    ['signing out ends the session', '[R39] logout › a captured cookie', '      await this.session.destroy()\n', ''],
    [
      'signing out ends sign-ins under way',
      '[R40] logout › while a first visitor comes back',
      '      await app.flows.removeTaken(this.sessionHash())\n',
      ''
    ]
  ]),
  ...guardsOf('routes/browser/auth/google.ts', 'test/accounts/erasing.test.ts', [
    [
      'an erased user does not come back by a sign-in under way',
      '[R32] erasing › while the same browser comes back',
      'if (!flow) throw',
      'if (flow === undefined) throw'
    ]
  ]),
  ...guardsOf('src/http/session-cookie.ts', 'test/accounts/session/cookie.test.ts', [
    ['scripts do not see the cookie', '[R42] cookie › behind https', 'httpOnly: true, s', 'httpOnly: false as true, s'],
    [
      'the cookie stays on its site',
      '[R42] cookie › behind https',
      "sameSite: 'lax' } }",
      "sameSite: 'none' as 'lax' } }"
    ],
    [
      'the cookie is of this host alone',
      '[R42] cookie › behind https',
      "secure ? (path === '/' ? '__Host-' : '__Secure-') : ''",
      "''"
    ]
  ]),
  ...guardsOf(session, 'test/accounts/session/cookie.test.ts', [
    [
      'a tossed cookie does not count',
      '[R43] cookie › a second one set by a neighbouring domain › the valid one or none, never the other',
      '      if (names.indexOf(cookieName) !== names.lastIndexOf(cookieName)) delete request.cookies[cookieName]\n',
      ''
    ],
    [
      'https is told from http behind a proxy',
      '[R44] cookie › a proxy that does not say https',
      "const isReached = !cookieOptions.secure || request.protocol === 'https'",
      'const isReached = true'
    ]
  ]),
  ...guardsOf(session, 'test/accounts/session/anonymous.test.ts', [
    ['strangers get no session', '[R46] strangers › 1000 GETs', 'saveUninitialized: false', 'saveUninitialized: true']
  ]),
  ...guardsOf(store, 'test/accounts/session/timeouts.test.ts', [
    [
      'a session that is over opens nothing',
      '[R41] timeouts › unused for the idle limit',
      'if (!record || record.expiresAt.getTime() <= nowMs) return null',
      'if (!record) return null'
    ],
    [
      'a session ends however much it is used',
      '[R41] timeouts › used all the time',
      'new Date(Math.min(startedAtMs + maxMs, nowMs + idleMs))',
      'new Date(nowMs + idleMs)'
    ]
  ]),
  ...guardsOf(store, 'test/accounts/session/logout.test.ts', [
    [
      'a session that ended is not written again',
      '[R40] logout › a session read before it and saved after it › nothing is written',
      'await collection.updateOne({ _id }, { $set: content })',
      'await collection.updateOne({ _id }, { $set: content }, { upsert: true })'
    ]
  ]),
  ...guardsOf(crossOrigin, 'test/http/cors.test.ts', [
    [
      'only listed origins read',
      '[R48] cors › an origin that is not exactly on the list › no CORS headers',
      'origin !== undefined && listed.has(origin) ? origin : false',
      'origin ?? false'
    ]
  ]),
  ...guardsOf(crossSite, 'test/http/cross-site.test.ts', [
    [
      'other sites do not write',
      '[R49] cross-site › every write, sent from another site',
      "done(isAllowed ? undefined : new GuichetError('cross_site'))",
      'done()'
    ]
  ]),
  ...guardsOf('plugins/bodies.ts', 'test/http/cross-site.test.ts', [
    [
      'text is no body',
      '[R49] cross-site › every write as a form, as text or as broken JSON › refused, nothing changes',
      "    app.removeContentTypeParser(['text/plain', 'application/json'])\n",
      "    app.removeContentTypeParser('application/json')\n"
    ]
  ]),
  ...guardsOf(hardening, 'test/http/headers.test.ts', [
    [
      'no answer is kept in a cache',
      '[R50] headers › no-store on every answer',
      "{ ...toHeaders(helmetOptions), 'cache-control': 'no-store' }",
      'toHeaders(helmetOptions)'
    ],
    ['no page of ours runs inside another', '[R51] headers › every route', `frameAncestors: ["'none'"], `, ''],
    [
      'no URL of ours is told to others',
      '[R51] headers › every route',
      "policy: 'no-referrer'",
      "policy: 'unsafe-url'"
    ],
    [
      'browsers stay on https',
      '[R51] headers › every route',
      'strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false }',
      'strictTransportSecurity: false'
    ]
  ]),
  ...guardsOf('src/http/client-error.ts', 'test/http/headers.test.ts', [
    [
      'what Node’s parser refuses has the headers, too',
      '[R51] headers › what Node’s HTTP parser refuses',
      '    ...headersWithoutHooks,\n',
      ''
    ]
  ]),
  ...guardsOf('src/http/server-options.ts', 'test/http/headers.test.ts', [
    [
      'what the router refuses has the headers, too',
      '[R51] headers › answers that no route gives',
      '{ ...headersWithoutHooks, ...toCross',
      '{ ...toCross'
    ]
  ]),
  ...guardsOf(config, configTest, [
    [
      'https needs its proxy named',
      contradicts,
      "if (given.PUBLIC_URL?.startsWith('https:') && !given.TRUST_PROXY) {",
      'if (given.PUBLIC_URL === null) {'
    ],
    [
      'certificates are always verified',
      contradicts,
      "if (given.NODE_TLS_REJECT_UNAUTHORIZED === '0') {",
      'if (given.NODE_TLS_REJECT_UNAUTHORIZED === null) {'
    ],
    [
      'libraries do not print secrets',
      contradicts,
      'if (given.DEBUG?.split(/[\\s,]+/).some(selectsSimpleOauth2)) {',
      'if (given.DEBUG === null) {'
    ]
  ]),
  ...guardsOf(environment, configTest, [
    ['session secrets are long', isMalformed, 'item.length >= 32', 'item.length >= 1']
  ]),
  ...guardsOf('src/config/urls.ts', configTest, [
    [
      'clear text stays on this machine',
      isMalformed,
      "(protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname)))",
      "(protocol === 'https:' || protocol === 'http:')"
    ],
    ['no wildcard is an origin', isMalformed, "!text.includes('*') &&\n    ", '']
  ]),
  ...guardsOf('src/config/key-ring.ts', configTest, [
    ['vault keys have 256 bits', isMalformed, '[A-Za-z0-9+/]{43}=)$/', '[A-Za-z0-9+/]+={0,2})$/']
  ])
]
