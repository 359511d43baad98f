import t from 'tap'
import { isProblem } from '../../helper.ts'
import { tell } from './story.ts'

type Json = Record<string, unknown>

const taken: Record<string, [(json: Json) => Json, expiresIn?: number]> = {
  'token_type BEARER': [json => ({ ...json, token_type: 'BEARER' }), 3599],
  'token_type bearer': [json => ({ ...json, token_type: 'bearer' }), 3599],
  'expires_in absent': [json => ({ ...json, expires_in: undefined }), 60],
  'expires_in "3600"': [json => ({ ...json, expires_in: '3600' }), 3600],
  'expires_in 1e12': [json => ({ ...json, expires_in: 1e12 }), 86_400],
  'expires_in 61': [json => ({ ...json, expires_in: 61 }), 61],
  'scope absent': [json => ({ ...json, scope: undefined }), 3599],
  'expires_in null': [json => ({ ...json, expires_in: null }), 60],
  'scope null': [json => ({ ...json, scope: null }), 3599],
  'scope empty': [json => ({ ...json, scope: '' }), 3599],
  'scope blank': [json => ({ ...json, scope: ' ' }), 3599],
  'id_token null': [json => ({ ...json, id_token: null }), 3599],
  'id_token a number': [json => ({ ...json, id_token: 12 }), 3599],
  'refresh_token null': [json => ({ ...json, refresh_token: null }), 3599],
  'refresh_token_expires_in null': [json => ({ ...json, refresh_token_expires_in: null }), 3599],
  'no id_token': [json => ({ ...json, id_token: undefined }), 3599],
  'unknown members': [json => ({ ...json, extra: { deep: [1] }, constructor: 'x', user_id: 'other' }), 3599]
}

for (const [name, [mutate, expiresIn]] of Object.entries(taken)) {
  t.test(`[R74] refresh › ${name} › read cautiously`, async t => {
    const { google, connection, expire, vend } = await tell(t)
    expire()
    google.fault('token', { mutate })
    const answer = await vend()
    t.equal(answer.statusCode, 200)
    t.equal(answer.json().expires_in, expiresIn)
    t.equal(answer.json().token_type, 'Bearer')
    t.equal(google.ledger.canOpen(answer.json().access_token), connection.account.sub)
    t.same(answer.json().scope.split(' ').sort(), [...connection.grantedScopes].sort())
  })
}

const refused: Record<string, (json: Json) => unknown> = {
  'no object': () => 'text',
  'an array': json => [json],
  null: () => null,
  'access_token a number': json => ({ ...json, access_token: 12 }),
  'access_token empty': json => ({ ...json, access_token: '' }),
  'access_token absent': json => ({ ...json, access_token: undefined }),
  'access_token with a line break': json => ({ ...json, access_token: 'ya29\r\nx-evil: 1' }),
  'token_type absent': json => ({ ...json, token_type: undefined }),
  'token_type null': json => ({ ...json, token_type: null }),
  'token_type mac': json => ({ ...json, token_type: 'mac' }),
  'expires_in 0': json => ({ ...json, expires_in: 0 }),
  'expires_in -1': json => ({ ...json, expires_in: -1 }),
  'expires_in half a second': json => ({ ...json, expires_in: 0.5 }),
  'refresh_token a number': json => ({ ...json, refresh_token: 12 }),
  'scope a list': json => ({ ...json, scope: ['openid'] })
}

t.test('[R74] refresh › answers that cannot be used › refused, and the process goes on', async t => {
  const { google, clock, expire, vend, stored, events } = await tell(t)
  const before = await stored()
  for (const [name, mutate] of Object.entries(refused)) {
    expire()
    google.fault('token', { mutate })
    isProblem(t, await vend(), 502, 'google_invalid_response')
    t.equal((await stored()).refreshToken, before.refreshToken, name)
    clock.advance(30_000)
  }
  t.equal((await vend()).statusCode, 200)
  t.same(await events(), ['connection.connected'])
})

t.test('[R74] refresh › an answer repeats a member › the last value is used', async t => {
  const { google, expire, vend } = await tell(t)
  expire()
  google.fault('token', { raw: body => body.replace('{', '{"access_token":"first",') })
  const { access_token } = (await vend()).json()
  t.ok(google.ledger.canOpen(access_token))
})
