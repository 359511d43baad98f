import { guardsOf } from './guard.ts'

const keys = 'src/backend/keys.ts'
const door = 'plugins/backend/backend-key.ts'

export const backendGuards = [
  ...guardsOf(keys, 'test/backend/keys.test.ts', [
    [
      'a key is compared',
      '[R84] backend key › none, wrong',
      'return record && timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash)) ? record : undefined',
      'return record ?? undefined'
    ],
    [
      'a key is compared in constant time',
      '[R85] backend key › compared',
      'timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash))',
      'record.hash === hash'
    ],
    ['a revoked key is dead', '[R84] backend key › none, wrong', 'revokedAt === null && (', '('],
    [
      'a key ends in time',
      '[R84] backend key › none, wrong',
      ' && (expiresAt === null || expiresAt.getTime() > clock.nowMs())',
      ''
    ],
    [
      'a key that was good is read again soon',
      '[R89] backend key › revoked',
      'const cacheMs = 3_000',
      'const cacheMs = 60_000'
    ],
    [
      'a clock that is set back keeps no key alive',
      '[R89] backend key › revoked while the clock is set back',
      'age >= 0 && ',
      ''
    ]
  ]),
  ...guardsOf(door, 'test/backend/scope.test.ts', [
    [
      'a key does what it may',
      '[R87] backend key › without the operation',
      'operation !== undefined && backendKey.operations.includes(operation)',
      'operation !== undefined'
    ],
    [
      'a narrowed key keeps to its services',
      '[R87] backend key › limited to a service › does not see others, by path, query or body',
      'return this.backendKey.services?.includes(service) ?? true',
      "return service !== ''"
    ]
  ]),
  ...guardsOf('routes/backend/connections/connections.ts', 'test/backend/scope.test.ts', [
    [
      'a narrowed key lists its services',
      '[R87] backend key › limited to a service › does not see others, by path, query or body',
      'services: request.backendKey.services ?? undefined',
      'services: undefined'
    ]
  ]),
  ...guardsOf('routes/backend/tickets.ts', 'test/backend/scope.test.ts', [
    [
      'a narrowed key makes tickets for its services',
      '[R87] backend key › limited to a service › does not see others, by path, query or body',
      ' || (services && !services.includes(wanted))',
      ''
    ]
  ]),
  ...guardsOf('routes/backend/connections/token.ts', 'test/connections/refresh/time-to-live.test.ts', [
    ['nobody asks for more than a token has', '[R75] vend › more than 3000 s are asked', '.max(3000)', '']
  ])
]
