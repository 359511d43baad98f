import t from 'tap'
import { callGmail, connect, refresh, start } from './story.ts'

const ada = '100000000000000000001'

t.test('controls › exist only if they are turned on', async t => {
  const google = await start(t)
  t.equal((await fetch(google.controlsUrl)).status, 404)
  t.same(google.violations, ['unknown path: GET /controls'])
})

t.test('controls › each button works, and only from the page itself', async t => {
  const google = await start(t, { controls: true })
  const tokens = await connect(google)
  const pull = async (lever: string, origin = google.issuer, sub = ada) => {
    const body = new URLSearchParams({ lever, sub })
    return fetch(google.controlsUrl, { method: 'POST', body, headers: { origin } })
  }
  const profile = async () => (await callGmail(google, tokens.access_token, 'me/profile')).status
  t.match(await (await fetch(google.controlsUrl)).text(), /Granted: [^<]*gmail\.modify/)
  for (const origin of ['https://evil.example', 'null', '']) t.equal((await pull('revoke', origin)).status, 403)
  t.equal((await pull('nothing')).status, 400)
  t.equal((await pull('deliver', google.issuer, 'nobody')).status, 400)
  t.equal(await profile(), 200)

  const before = google.user(ada).messages.length
  t.match(await (await pull('deliver')).text(), 'is in the inbox')
  t.equal(google.user(ada).messages.length, before + 1)
  await pull('quota')
  t.equal(await profile(), 403)
  await pull('expire')
  t.equal(await profile(), 401)
  t.equal((await refresh(google, tokens.refresh_token)).status, 200)
  await pull('password')
  t.equal((await refresh(google, tokens.refresh_token)).status, 400)
  const again = await connect(google)
  await pull('revoke')
  t.equal((await refresh(google, again.refresh_token)).status, 400)
  t.match(await (await fetch(google.controlsUrl)).text(), /Nothing is granted/)
})
