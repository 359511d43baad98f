import t from 'tap'
import { hasCode } from '../../src/errors.ts'
import { parseTokenAnswer } from '../../src/google/token-answer.ts'

const good = {
  access_token: 'ya29.a-token',
  token_type: 'Bearer',
  expires_in: 3599,
  refresh_token: '1//a-refresh-token',
  scope: 'openid email',
  id_token: 'a.b.c'
}

function isRefused(body: unknown): boolean {
  try {
    parseTokenAnswer(body)
    return false
  } catch (error) {
    return hasCode(error, 'google_invalid_response')
  }
}

t.test('[R74] token answer › cannot be used › refused', async t => {
  for (const body of [undefined, null, '', 'text', 0, true, [], [good], {}, { error: 'x' }])
    t.ok(isRefused(body), JSON.stringify(body))
  for (const access_token of [
    undefined,
    null,
    '',
    12,
    {},
    ['ya29'],
    'with space',
    'line\r\nbreak',
    'ünicode',
    'x'.repeat(8193)
  ]) {
    t.ok(isRefused({ ...good, access_token }), `access_token ${JSON.stringify(access_token)?.slice(0, 30)}`)
  }
  for (const token_type of [undefined, null, '', 'mac', 'DPoP', 'Bearer ', 'Bearer,x', 1, ['Bearer']]) {
    t.ok(isRefused({ ...good, token_type }), `token_type ${JSON.stringify(token_type)}`)
  }
  for (const expires_in of [
    0,
    -1,
    -0,
    '0',
    '-1',
    '',
    'soon',
    '1e9',
    '3600.5',
    ' 3600',
    {},
    [3600],
    Number.NaN,
    Number.POSITIVE_INFINITY
  ]) {
    t.ok(isRefused({ ...good, expires_in }), `expires_in ${String(expires_in)}`)
  }
  for (const refresh_token of [12, {}, ['1//x'], 'with space', 'x'.repeat(8193)])
    t.ok(isRefused({ ...good, refresh_token }))
  for (const scope of [12, {}, ['openid']]) t.ok(isRefused({ ...good, scope }), `scope ${JSON.stringify(scope)}`)
})

t.test('[R74] token answer › fields that may vary › read cautiously', async t => {
  t.same(parseTokenAnswer(good), {
    accessToken: 'ya29.a-token',
    expiresInSeconds: 3599,
    refreshToken: '1//a-refresh-token',
    refreshTokenExpiresInSeconds: undefined,
    scopes: ['openid', 'email'],
    idToken: 'a.b.c'
  })
  for (const token_type of ['bearer', 'BEARER', 'bEaReR']) t.ok(parseTokenAnswer({ ...good, token_type }))
  const { expires_in: _, ...without } = good
  t.equal(parseTokenAnswer(without).expiresInSeconds, 60, 'absent: enough to use it once')
  t.equal(parseTokenAnswer({ ...good, expires_in: '3600' }).expiresInSeconds, 3600)
  t.equal(parseTokenAnswer({ ...good, expires_in: 1e12 }).expiresInSeconds, 86_400, 'a day at most')
  t.equal(parseTokenAnswer({ ...good, expires_in: '999999999999' }).expiresInSeconds, 86_400)
  t.equal(parseTokenAnswer({ ...good, expires_in: null }).expiresInSeconds, 60, 'and so is null')
  for (const scope of [undefined, null, '', ' ']) t.equal(parseTokenAnswer({ ...good, scope }).scopes, undefined)
  t.same(parseTokenAnswer({ ...good, scope: ' a  b ' }).scopes, ['a', 'b'])
  for (const id_token of [12, {}, null, 'x'.repeat(16_385)]) {
    t.equal(parseTokenAnswer({ ...good, id_token }).idToken, undefined, 'its verifier refuses what is missing')
  }
  for (const refresh_token of [undefined, null, '']) {
    t.equal(parseTokenAnswer({ ...good, refresh_token }).refreshToken, undefined)
  }
})

t.test('[R74] token answer › unknown and repeated members change nothing', async t => {
  const extra = { ...good, extra: { deep: [1] }, expiresIn: 1, constructor: 'x', refresh_token_expires_in: 'never' }
  t.same(parseTokenAnswer(extra), parseTokenAnswer(good))
  const polluting = JSON.parse(`{"__proto__":{"accessToken":"x"},${JSON.stringify(good).slice(1)}`)
  t.same(parseTokenAnswer(polluting), parseTokenAnswer(good))
  t.equal(({} as Record<string, unknown>).accessToken, undefined)
  // JSON's last one wins, as for every parser: one value is used, and it is checked.
  const repeated = JSON.parse('{"access_token":"first","access_token":"last","token_type":"Bearer","expires_in":60}')
  t.equal(parseTokenAnswer(repeated).accessToken, 'last')
  t.equal(parseTokenAnswer({ ...good, refresh_token_expires_in: 604_799 }).refreshTokenExpiresInSeconds, 604_799)
  for (const refresh_token_expires_in of [0, -1, 'never', {}, null]) {
    t.equal(parseTokenAnswer({ ...good, refresh_token_expires_in }).refreshTokenExpiresInSeconds, undefined)
  }
})

t.test('[R74] token answer › the refusal quotes no token', async t => {
  try {
    parseTokenAnswer({ ...good, token_type: 'mac', refresh_token: 'with a space' })
    t.fail('accepted')
  } catch (error) {
    const text = JSON.stringify([error, String(error), String((error as Error).cause), (error as Error).stack])
    for (const secret of [good.access_token, 'with a space', good.id_token]) t.notOk(text.includes(secret))
  }
})

t.test('token answer › an enormous lifetime › cut to one that can be stored', async t => {
  for (const seconds of [1e13, 1e300]) {
    const { refreshTokenExpiresInSeconds = 0 } = parseTokenAnswer({ ...good, refresh_token_expires_in: seconds })
    t.equal(refreshTokenExpiresInSeconds, 315_360_000)
  }
})
