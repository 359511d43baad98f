import { guardsOf } from './guard.ts'

const connect = 'src/connections/connect.ts'
const liveToken = 'src/connections/live-token.ts'
const refresh = 'src/connections/refresh.ts'
const repository = 'src/connections/repository.ts'
const access = 'src/services/access.ts'

export const connectionGuards = [
  ...guardsOf(connect, 'test/connections/connect/accounts.test.ts', [
    [
      'a repair is of one account',
      '[R28] repair › another account › account_mismatch',
      'const isRepaired = !repaired || repaired.account.sub === identity.sub',
      'const isRepaired = true'
    ]
  ]),
  ...guardsOf('src/database/batches.ts', 'test/database/batches.test.ts', [
    [
      'reads made together are told apart',
      'batched find › several in one turn',
      'byId.get(String(id)) ?? null',
      'byId.get(String(asked[0])) ?? null'
    ],
    [
      'an insert that nothing is known of has failed',
      'batched find and insert › the database is down',
      'if (error.insertedCount + refused.size < records.length) throw error',
      ''
    ]
  ]),
  ...guardsOf(connect, 'test/connections/connect/refresh-token.test.ts', [
    [
      'without a refresh token nothing is connected',
      '[R26] refresh token › none at the first connect',
      'if (!fresh && (!kept',
      'if (!fresh && kept && (!kept'
    ]
  ]),
  ...guardsOf(connect, 'test/connections/connect/prompt.test.ts', [
    [
      'a refresh token that does not open is none',
      '[R22] prompt › the stored refresh token does not decrypt › consent, and a new one is required',
      'existing && hasUsableRefreshToken(vault, existing, clock.nowMs()) ? existing : undefined',
      'existing ? existing : undefined'
    ]
  ]),
  ...guardsOf('src/connections/choose-account.ts', 'test/connections/connect/prompt.test.ts', [
    [
      'what does not open asks for a consent',
      '[R22] prompt › the stored refresh token does not decrypt › consent, and a new one is required',
      ' && hasUsableRefreshToken(vault, connection, clock.nowMs() + warningMs)',
      ''
    ],
    [
      'a repair is of one’s own connection',
      '[R22] prompt › a connectionId that is not the user’s, or of another service › the same 404',
      "    if (connectionId !== undefined && !repaired) throw new GuichetError('not_found')\n",
      ''
    ]
  ]),
  ...guardsOf('routes/browser/connect/connect.ts', 'test/connections/connect/start.test.ts', [
    [
      'connecting needs a session',
      '[R21] start › fetched without a session',
      'const userId = request.requireUserId()',
      'const userId = request.session._id as never'
    ]
  ]),
  ...guardsOf('plugins/browser/session.ts', 'test/services/gmail/access.test.ts', [
    [
      'a connection is its user’s',
      "[R80] gmail › another user's connection",
      'return this.session._id?.equals(userId) ?? false',
      'return userId !== null'
    ]
  ]),
  ...guardsOf(access, 'test/services/gmail/access.test.ts', [
    [
      'scopes are checked before the call',
      '[R82] gmail › a scope that the user has not granted › refused before any call to Google',
      '      if (missing.length > 0)\n',
      '      if (missing.length > 9)\n'
    ],
    [
      'scopes are checked after a refresh',
      '[R82] gmail › a refresh brings fewer scopes › they are checked before the call',
      '      // A refresh may have brought less than was granted before.\n      requireScope()\n',
      ''
    ],
    [
      'only a Gmail connection has a mailbox',
      '[R80] gmail › a connection of another service',
      "    if (connection.service !== service) throw new GuichetError('not_found')\n",
      ''
    ]
  ]),
  ...guardsOf(access, 'test/services/access.test.ts', [
    [
      'a renewal has what the request has left',
      '[R73] slow Google › the refresh after a 401 hangs › google_unavailable, and the new token is kept',
      'const patienceMs = untilMs - nowMs()',
      'const patienceMs = 60_000'
    ],
    [
      'a second call has what the request has left',
      '[R73] slow Google › the call after a refresh hangs › google_unavailable',
      'return await send(renewed, endMs - nowMs())',
      'return await send(renewed, 60_000)'
    ]
  ]),
  ...guardsOf('src/database/lease.ts', 'test/connections/refresh/invalid-grant.test.ts', [
    [
      'one replica refreshes at a time',
      '[R70] invalid_grant › 100 callers at 3 replicas',
      '{ $lte: now() }',
      '{ $exists: true }'
    ]
  ]),
  ...guardsOf(repository, 'test/connections/refresh/invalid-grant.test.ts', [
    [
      'tokens are written over the version they were made from',
      '[F23] invalid_grant › for a refresh token that was replaced meanwhile',
      '{ _id: read._id, version: read.version, live: true }',
      '{ _id: read._id, live: true }'
    ]
  ]),
  ...guardsOf(repository, 'test/connections/refresh/cooldown.test.ts', [
    [
      'a failed refresh is not tried at once again',
      '[R72] cooldown › Google is down for a minute',
      '{ $or: [{ cooldownUntil: null }, { cooldownUntil: { $lte: now } }] }',
      '{}'
    ]
  ]),
  ...guardsOf(refresh, 'test/connections/refresh/passing-faults.test.ts', [
    [
      'only invalid_grant is about the user',
      '[F24] refresh › Google refuses our client',
      "if (error instanceof TokenEndpointError && error.fault === 'invalid_grant')",
      'if (error instanceof TokenEndpointError)'
    ]
  ]),
  ...guardsOf(refresh, 'test/connections/refresh/rotation.test.ts', [
    [
      'a token that came for nobody is revoked',
      '[R66] refresh › disconnected while Google answers',
      '    if (answer.refreshToken) await onOrphan(held, answer.refreshToken)\n',
      ''
    ],
    [
      'a rotated token replaces the one it killed',
      '[R69] refresh › a reconnect without a refresh token meanwhile › the rotated token is kept',
      'if (current && answer.refreshToken && hasSameRefreshToken(current, held))',
      'if (current?.deadReason && answer.refreshToken && hasSameRefreshToken(current, held))'
    ]
  ]),
  ...guardsOf(liveToken, 'test/services/gmail/errors.test.ts', [
    [
      'a refused token is not served again',
      '[R77] gmail errors › a token is refused once › one refresh, and the call is repeated',
      'return accessToken === refused ? undefined : {',
      'return {'
    ]
  ]),
  ...guardsOf(liveToken, 'test/connections/refresh/time-to-live.test.ts', [
    [
      'a token has a minute left',
      '[R75] vend › every mix of life left and life asked for › refreshed only when needed',
      'const minTtlFloorSeconds = 60',
      'const minTtlFloorSeconds = 1'
    ]
  ]),
  ...guardsOf(refresh, 'test/connections/refresh/time-to-live.test.ts', [
    [
      'a life counts from when it was asked for',
      '[R75] vend › Google answers slowly › the life is counted from the request',
      'accessTokenExpiresAt: new Date(askedAtMs + answer.expiresInSeconds * 1000)',
      'accessTokenExpiresAt: new Date(now.getTime() + answer.expiresInSeconds * 1000)'
    ]
  ]),
  ...guardsOf('src/connections/revocations.ts', 'test/connections/disconnect/siblings.test.ts', [
    [
      'a grant on which another stands is kept',
      '[R31] siblings › two users, one Google account',
      "        if (await cancelIfAlive(sub, queue)) return 'kept'\n",
      ''
    ]
  ])
]
