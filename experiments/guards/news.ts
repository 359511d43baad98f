import { guardsOf } from './guard.ts'

const token = "[G30] a push's token ›"

export const newsGuards = [
  ...guardsOf('src/services/gmail/news/push.ts', 'test/services/gmail/news/push-token.test.ts', [
    [
      "a push's token comes from Google",
      `${token} another issuer`,
      "issuer: [known, known.replace(/^https:\\/\\//, '')],",
      ''
    ],
    [
      "a push's token is for this server",
      `${token} another audience`,
      'audience,\n        clockTolerance',
      'clockTolerance'
    ],
    ["a push's token is for this server alone", `${token} a second audience`, 'aud: z.string(), ', ''],
    [
      "a push's token is the configured account's",
      `${token} another account`,
      "if (claims.email !== account) throw new CodedError('account')",
      ''
    ],
    [
      "a push's account is verified",
      `${token} an account that is not verified`,
      'email_verified: z.literal(true)',
      'email_verified: z.any()'
    ],
    ["a push's token has an end", `${token} no end`, "requiredClaims: ['exp', 'iat']", 'requiredClaims: []'],
    [
      "a push's token was issued already",
      `${token} issued in the future`,
      "if (claims.iat > clock.nowMs() / 1000 + skewSeconds) throw new CodedError('issued_in_future')",
      ''
    ]
  ]),
  ...guardsOf('routes/open/hooks.ts', 'test/services/gmail/news/push.test.ts', [
    [
      "a push's token is verified",
      '[G30] a push › without a valid token › 401, and nothing is done',
      ', async ({ headers }) => pushes.verify(headers.authorization)',
      ''
    ]
  ]),
  ...guardsOf('plugins/gmail-pushes.ts', 'test/services/gmail/news/push.test.ts', [
    [
      "a push is the configured subscription's",
      '[G30] a push › without a valid token › 401, and nothing is done',
      'if (subscription !== undefined && body.subscription !== subscription)',
      'if (false)'
    ]
  ]),
  ...guardsOf('src/services/gmail/news/watches.ts', 'test/services/gmail/news/push.test.ts', [
    [
      'a push that comes again does nothing twice',
      '[G30] a push › repeated or late › nothing is done twice',
      'const isBehind = watch && isLater(historyId, watch.cursor)',
      'const isBehind = true'
    ]
  ]),
  ...guardsOf('src/services/gmail/news/watches.ts', 'test/services/gmail/news/polling.test.ts', [
    ['one worker follows a mailbox', '[G31] a worker dies', '        ...leases.free()\n', '']
  ]),
  ...guardsOf('routes/gmail/stream.ts', 'test/services/gmail/news/stream.test.ts', [
    [
      'a stream ends with its session',
      '[G32] a stream › its session ends › ends',
      '(await request.isStillKnown()) ? await app.connections.find(connection._id) : null',
      'await app.connections.find(connection._id)'
    ],
    [
      'a stream ends with its grant',
      '[G32] a stream › its connection ends or its grant is revoked › ends',
      'if (!current || current.deadReason || ',
      'if (!current || '
    ]
  ]),
  ...guardsOf('plugins/event-streams.ts', 'test/services/gmail/news/stream.test.ts', [
    ['a session has three streams', '[G32] streams › more than three', 'if (before >= maxPerSession)', 'if (false)']
  ]),
  ...guardsOf('src/services/access.ts', 'test/services/calendar/calendar.test.ts', [
    [
      "a connection opens its own service's routes",
      'calendar › without session or key',
      "if (connection.service !== service) throw new GuichetError('not_found')",
      ''
    ],
    [
      "a service's scope is checked before the call",
      'calendar › its scope is not granted › 403 before any call',
      'if (missing.length > 0)',
      'if (false)'
    ]
  ])
]
