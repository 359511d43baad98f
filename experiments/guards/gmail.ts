import { guardsOf } from './guard.ts'

const access = 'test/services/gmail/sending-access.test.ts'
const sending = 'test/services/gmail/send.test.ts'
const idempotency = 'test/services/gmail/idempotency.test.ts'
const limits = 'test/services/gmail/limits.test.ts'
const noHeader = '[G16] send › line breaks and NUL in any field'
const stranger = '[G19] send › from an address that is not a verified alias › 422, and nothing is sent'
const replies = '[G14] reply › to messages of every kind › stays in the conversation, with the right recipients'
const uncertain = '[G13] send without a key › only a call that Google refused before acting is repeated'

export const gmailGuards = [
  ...guardsOf('src/services/gmail/send-faults.ts', 'test/services/gmail/send-faults.test.ts', [
    [
      'what may have been sent is not told as unsent',
      '[G11][G13] send › fails when Gmail may have acted',
      'mayHaveActed && isUnclear(error)',
      'mayHaveActed && !isUnclear(error)'
    ]
  ]),
  ...guardsOf('src/services/access.ts', access, [
    [
      'sending needs the scope, before any call',
      '[R82] sending',
      '    requireScope()\n    const endMs',
      '    const endMs'
    ],
    [
      'a connection of another service has no mailbox',
      '[R80] sending',
      "if (connection.service !== service) throw new GuichetError('not_found')",
      ''
    ]
  ]),
  ...guardsOf('plugins/backend/backend-key.ts', access, [
    [
      "a key needs the route's own operation",
      "[R87] sending › a key without the route's operation",
      'return operation ?? (service',
      "return ('tokens:vend' as Operation | undefined) ?? (service"
    ]
  ]),
  ...guardsOf('src/services/gmail/outgoing.ts', sending, [
    [
      'only harmless headers are set by an app',
      noHeader,
      '/^(X-[A-Za-z0-9-]{1,74}|List-[A-Za-z0-9-]{1,71}|Auto-Submitted|Importance|Precedence)$/i',
      '/^[\\w-]+$/'
    ],
    ["no header of Google's own", noHeader, '!/^x-(google|gm|guichet)-/i.test(name)', 'name !== null'],
    ['an address is one line', noHeader, ".regex(/^[^\\p{Cc}\\p{Cs}]*$/u, 'must be one line of text')", ''],
    ['of two addresses in brackets none is taken', '[G16] send › what cannot be sent', '      brackets > 1 ||\n', ''],
    ['one item is one address', noHeader, '      more.length > 0 ||\n', '']
  ]),
  ...guardsOf('src/services/gmail/prepare.ts', sending, [
    ['the sender is verified', stranger, 'candidate.verified && isSame', 'isSame'],
    ['the sender is an alias', stranger, '    if (!alias)\n      throw', '    if (!own)\n      throw']
  ]),
  ...guardsOf('src/services/gmail/reply.ts', sending, [
    ['a reply keeps the subject', replies, 'if (!opensThread) requireSameSubject', 'if (isForward) requireSameSubject'],
    [
      'a reply to all leaves the own aliases out',
      replies,
      '...others]).filter(person => !isOwn(person))',
      '...others])'
    ]
  ]),
  ...guardsOf('src/services/gmail/idempotency.ts', idempotency, [
    [
      'another body under the same key is refused',
      '[G12] idempotency › the same key again',
      "if (known.hash !== hash) throw new GuichetError('idempotency_mismatch')",
      ''
    ],
    [
      'a key is worked on once at a time',
      '[G12] idempotency › the same key while the first call runs › 409 with Retry-After, then the stored answer',
      "{ _id: known._id, sent: null, $or: [{ lease: null }, { 'lease.until': { $lte: new Date(nowMs) } }] }",
      '{ _id: known._id, sent: null }'
    ],
    [
      'a key is stored as its hash',
      '[G12] idempotency › the same key again',
      'const key = sha256(given)',
      'const key = given'
    ]
  ]),
  ...guardsOf('src/services/gmail/send.ts', idempotency, [
    [
      'a mail without a key is sent once',
      uncertain,
      "throw call.isUncertain(error) ? new GuichetError('send_outcome_unknown', { cause: error }) : error\n    }\n  }",
      'if (!call.isUncertain(error)) throw error\n      return sendOnce(mailbox, mail, files)\n    }\n  }'
    ]
  ]),
  ...guardsOf('src/services/gmail/client.ts', limits, [
    [
      'a pause of Google is kept',
      '[G20] limits › a rate refusal of any kind › passed on with Retry-After, and only that account pauses',
      'if (refusal?.rate) governor.refused({ reason: refusal.rate, waitMs: refusal.waitMs })',
      ''
    ]
  ]),
  ...guardsOf('src/services/access.ts', 'test/services/gmail/errors.test.ts', [
    [
      'a Gmail that refuses fresh tokens is left alone for a minute',
      '[F24] gmail errors',
      'if (refusals.cools(connection)) throw refusedForGood()',
      ''
    ]
  ])
]
