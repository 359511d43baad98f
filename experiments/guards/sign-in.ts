import { guardsOf } from './guard.ts'

const flows = 'src/flows/flows.ts'
const oauth2 = 'src/flows/authorization.ts'
const idToken = 'src/google/id-token.ts'
const returnTo = 'src/http/return-to.ts'
const users = 'src/accounts/users.ts'
const leadsAway = '[R19] returnTo › no payload leads to another site: sign-in'

export const signInGuards = [
  ...guardsOf(flows, 'test/flows/state.test.ts', [
    [
      'a flow belongs to who started it',
      '[R2] flows › only the browser that started one can finish it',
      '        userId,\n        sessionId: { $in: [...sessionIds] },\n',
      ''
    ],
    [
      'a flow is for one purpose',
      '[R8] flows › each works only at the callback of its own purpose and service',
      '        purpose,\n        service,\n',
      ''
    ],
    [
      'a flow ends in time',
      '[R4] flows › longer than ten minutes › refused',
      'usedAt: { $exists: false },\n        expiresAt: { $gt: usedAt }',
      'usedAt: { $exists: false }'
    ]
  ]),
  ...guardsOf(flows, 'test/flows/once.test.ts', [
    [
      'a repeated callback knows its code',
      '[R3][R38] callbacks › repeated with another code › flow_used at once',
      ' && current?.code === code.code)',
      ')'
    ],
    [
      'a flow is used once',
      '[R3] flows › a callback makes one exchange only',
      "        open,\n        { $set: { usedAt, ...code }, $unset: { sealed: '' } },",
      '        { _id, userId, expiresAt: { $gt: usedAt } },\n        { $set: { createdAt: usedAt } },'
    ]
  ]),
  ...guardsOf(flows, 'test/flows/exchange.test.ts', [
    [
      'a flow has one number over all replicas',
      '[R35] flows › started in one session at five replicas',
      '{ sessionId: 1, number: 1 }, unique: true,',
      '{ sessionId: 1, number: 1 },'
    ]
  ]),
  ...guardsOf('src/config/environment.ts', 'test/flows/state.test.ts', [
    [
      'flows live ten minutes at most',
      '[R4] flows › no setting makes them live longer than ten minutes',
      'FLOW_TTL_SECONDS: whole(1, 600)',
      'FLOW_TTL_SECONDS: whole(0, 999_999_999)'
    ]
  ]),
  ...guardsOf('src/secrets.ts', 'test/flows/state.test.ts', [
    [
      'states have 256 random bits',
      '[R1] secrets › ten thousand of them',
      'randomBytes(32)',
      'Buffer.concat([randomBytes(8), Buffer.alloc(24)])'
    ]
  ]),
  ...guardsOf(oauth2, 'test/google/issuer.test.ts', [
    [
      'iss is looked at',
      '[R7] iss › a wrong one › refused before the exchange',
      '      await requireIssuer(iss)\n',
      ''
    ],
    [
      'iss must be there where it was announced',
      '[R7] iss › missing, though the metadata announce it › refused',
      'iss === undefined ? issParameterSupported : iss !== issuer',
      'iss !== undefined && iss !== issuer'
    ]
  ]),
  ...guardsOf('src/http/views/flow.ts', 'test/flows/parameters.test.ts', [
    [
      'a state has one form',
      '[R5] callbacks › a malformed state',
      "z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be one state parameter')",
      'z.any()'
    ],
    [
      'a code has one form',
      '[R5] callbacks › a malformed code',
      ".regex(/^[\\x21-\\x7e]{1,2048}$/, 'must be one authorization code')",
      ''
    ]
  ]),
  ...guardsOf('plugins/browser/navigation.ts', 'test/flows/once.test.ts', [
    [
      'no callback is used up by a prefetch',
      '[R17] callbacks › HEAD, prefetch and previews › do not use it',
      'routeOptions.config.navigable && isLookingAhead(headers)',
      'routeOptions.config.navigable && !headers'
    ]
  ]),
  ...guardsOf('src/http/server-options.ts', 'test/flows/once.test.ts', [
    [
      'HEAD runs no handler',
      '[R17] callbacks › HEAD, prefetch and previews › do not use it',
      'exposeHeadRoutes: false',
      'exposeHeadRoutes: true'
    ]
  ]),
  ...guardsOf('src/google/callback-error.ts', 'test/flows/google-errors.test.ts', [
    [
      "Google's errors are a closed list",
      '[R18] error= › each becomes a fixed code',
      "callbackErrors.find(code => code === error) ?? 'invalid_request'",
      "(error as ErrorCode) ?? 'invalid_request'"
    ]
  ]),
  ...guardsOf(idToken, 'test/google/id-token.test.ts', [
    [
      'the nonce is compared',
      "[R9] id_token › a nonce that is not the flow's signs nobody in",
      "        if (claims.nonce !== nonce) throw new CodedError('nonce')\n",
      ''
    ],
    [
      'the signature is checked',
      '[R10] id_token › a signature that proves nothing signs nobody in',
      "const { payload } = await jose().jwtVerify(idToken ?? '', keys.find, {",
      "const payload = JSON.parse(Buffer.from((idToken ?? '').split('.')[1] ?? '', 'base64url').toString())\n        void ({"
    ],
    [
      'the issuer is checked',
      '[R11] id_token › another issuer or audience signs nobody in',
      "          issuer: issuer === googleIssuer ? [googleIssuer, 'accounts.google.com'] : issuer,\n",
      ''
    ],
    [
      'the audience is checked',
      '[R11] id_token › another issuer or audience signs nobody in',
      '          audience: clientId,\n',
      ''
    ],
    [
      'a second audience is refused',
      '[R11] id_token › another issuer or audience signs nobody in',
      '  aud: z.union([z.string(), z.tuple([z.string()])]),',
      '  aud: z.unknown(),'
    ],
    [
      'azp is compared',
      '[R11] id_token › another issuer or audience signs nobody in',
      "        if (typeof claims.azp === 'string' && claims.azp !== clientId) throw new CodedError('azp')\n",
      ''
    ],
    [
      'a token of the future is refused',
      '[R12] id_token › a wrong time or subject signs nobody in',
      "        if (claims.iat > clock.nowMs() / 1000 + skewSeconds) throw new CodedError('issued_in_future')\n",
      ''
    ],
    [
      'clocks differ by a minute at most',
      '[R12] id_token › a wrong time or subject signs nobody in',
      'clockTolerance: skewSeconds',
      'clockTolerance: 86_400'
    ],
    [
      'a subject is a short text',
      '[R12] id_token › a wrong time or subject signs nobody in',
      '  sub: z.string().min(1).max(255),',
      '  sub: z.any(),'
    ]
  ]),
  ...guardsOf('src/google/endpoints.ts', 'test/google/jwks.test.ts', [
    [
      "an issuer's metadata are its own",
      '[R14] metadata › names another issuer than the configured one › refused',
      "    if (metadata.issuer !== issuer) throw new CodedError('another_issuer')\n",
      ''
    ],
    [
      'endpoints are https',
      '[R14] metadata › an endpoint without https on another host › refused',
      'z.string().refine(isSecureUrl)',
      'z.string()'
    ]
  ]),
  ...guardsOf('src/google/signing-keys.ts', 'test/google/jwks.test.ts', [
    [
      'unknown kids make few fetches',
      '[R14] keys › a flood of unknown kids › two fetches a minute at most',
      '      if (clock.nowMs() - triedAtMs < cooldownMs) return renewal\n',
      ''
    ]
  ]),
  ...guardsOf(users, 'test/accounts/identity.test.ts', [
    [
      'a user is an account, not an address',
      '[R13] users › another account with the same or a similar address › another user',
      'upsert({ issuer, sub }, { email, name, picture })',
      'upsert({ email } as object, { issuer, sub, name, picture })'
    ],
    [
      'a user is of one issuer',
      '[R13] users › the same sub from two issuers › two users',
      'upsert({ issuer, sub }, { email, name, picture })',
      'upsert({ sub }, { issuer, email, name, picture })'
    ]
  ]),
  ...guardsOf(users, 'test/accounts/session/sign-in-allow.test.ts', [
    [
      'only who is listed signs in',
      'sign-in allow › everyone else',
      "      if (!isAllowed(identity, signInAllow)) throw new GuichetError('sign_in_not_allowed')\n",
      ''
    ],
    [
      'an unverified address is nobody’s',
      'sign-in allow › an address that Google has not verified',
      '  if (!emailVerified) return false\n',
      ''
    ]
  ]),
  ...guardsOf(returnTo, 'test/http/return-to.test.ts', [
    [
      'a return is checked',
      leadsAway,
      '  if (isAllowedReturn(returnTo, publicUrl, allowedOrigins)) return returnTo\n',
      '  return returnTo\n'
    ],
    ['a return leads to listed origins alone', leadsAway, 'return allowedOrigins.includes(url.origin) && ', 'return '],
    [
      'a path that reads as a host is no local path',
      leadsAway,
      "  if (url.pathname.startsWith('//') && url.origin === publicUrl.origin) return false\n",
      ''
    ]
  ])
]
