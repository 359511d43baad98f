import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createBackend } from '../backend/backend.ts'
import { buildBefore } from './judge.ts'
import { startOidcProvider } from './oidc-provider.ts'

t.test('[R30] judge oidc-provider › sign in, connect, vend, refresh for 300 callers, disconnect', async t => {
  const judge = await startOidcProvider(t)
  const { app, browser, clock, replica } = await buildBefore(t, judge)
  const ada = browser()
  t.match((await ada.signIn()).json(), { user: { email: 'ada@example.com' } })
  const connection = await ada.connected()
  t.match(connection, { service: 'gmail', status: 'active', account: { sub: 'ada' }, missingScopes: [] })
  const backend = await createBackend(app)
  const vended = await backend.vend(connection.id)
  t.equal(vended.statusCode, 200)
  t.ok(await judge.provider.AccessToken.find(vended.json().access_token), 'it opens something')

  const replicas = [app, await replica()]
  /** On a busy machine the database may be late: the server then asks callers to retry, and this one does. */
  async function vend(at = app): Promise<LightMyRequestResponse> {
    for (let tries = 1; ; tries++) {
      const answer = await backend.vend(connection.id, undefined, at)
      if (tries === 10 || answer.statusCode !== 503 || answer.json().code !== 'database_unavailable') return answer
    }
  }
  for (let round = 1; round <= 2; round++) {
    clock.advance(3_600_000)
    const [before, tokens] = [judge.granted, judge.refreshTokens.length]
    const callers = Array.from({ length: 300 }, (_, n) => vend(replicas[n % 2]))
    const answers = await Promise.all(callers)
    t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [200])
    const given = new Set(answers.map(answer => answer.json<{ access_token: string }>().access_token))
    t.equal(given.size, 1, 'one token for all')
    t.ok(await judge.provider.AccessToken.find([...given][0] ?? ''))
    t.equal(judge.granted - before, 1, 'one refresh')
    t.equal(judge.refreshTokens.length - tokens, 1, 'rotated')
  }
  t.same(judge.refusals, [])

  const newest = judge.refreshTokens.at(-1)?.jti ?? ''
  t.ok(await judge.provider.RefreshToken.find(newest))
  t.same((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json(), {
    id: connection.id,
    revoked: 'confirmed'
  })
  t.notOk(await judge.provider.RefreshToken.find(newest), 'gone at the provider too')
  t.same(judge.refusals, [])
})

t.test('[R7] judge oidc-provider › an issuer whose name ends in a slash', async t => {
  const judge = await startOidcProvider(t, '/')
  const { browser } = await buildBefore(t, judge)
  t.match((await browser().signIn()).json(), { user: { email: 'ada@example.com' } })
})

t.test(
  '[R13] judge oidc-provider › a verifier that does not match the challenge › refused by the provider',
  async t => {
    const judge = await startOidcProvider(t)
    const { browser } = await buildBefore(t, judge)
    const ada = browser()
    const { url } = (await ada.fetch('/auth/google')).json<{ url: string }>()
    const other = new URL(url)
    other.searchParams.set('code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
    const callback = new URL(await judge.consent(other.href))
    t.match((await ada.fetch(callback.pathname + callback.search)).json(), { code: 'code_invalid' })
    other.searchParams.delete('code_challenge')
    other.searchParams.delete('code_challenge_method')
    t.match(new URL(await judge.consent(other.href)).searchParams.get('error'), 'invalid_request', 'PKCE is required')
  }
)
