import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Encoding } from '../src/leak-scan.ts'
import { connect, exchangeForm, postToken, start, startFlow } from './story.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

t.test('ledger › lists the secrets issued and seen, and those still valid', async t => {
  const google = await start(t)
  const flow = startFlow(google)
  const callback = google.consent(flow.url)
  t.equal(google.ledger.of('code', { alive: true }).length, 1)
  const { body } = await postToken(google, exchangeForm(flow, callback))
  const { sub } = google.user('ada@example.com')
  const one = (kind: Parameters<typeof google.ledger.of>[0]) => google.ledger.of(kind)[0]
  t.match(one('code'), { value: new URL(callback).searchParams.get('code'), sub, alive: false })
  t.match(one('access_token'), { value: body.access_token, sub, alive: true, issuedAtMs: Number })
  t.match(one('refresh_token'), { value: body.refresh_token, sub, alive: true })
  t.match(one('id_token'), { value: body.id_token, sub })
  t.equal(one('client_secret')?.value, google.clientSecret)
  t.equal(one('code_verifier')?.value, flow.verifier)
  t.equal(one('state')?.value, flow.state)
  t.equal(one('nonce')?.value, flow.nonce)
  t.equal(google.ledger.canOpen(String(body.access_token)), sub)
  t.equal(google.ledger.canOpen(String(body.refresh_token)), undefined, 'opens no mailbox')
  google.revokeGrant(sub)
  t.same([one('access_token')?.alive, one('refresh_token')?.alive], [false, false])
  t.equal(google.ledger.canOpen(String(body.access_token)), undefined)
  t.equal(google.ledger.ownerOf(String(body.access_token)), sub)
})

t.test('ledger › finds each kind of secret in each encoding, wherever it stands', async t => {
  const google = await start(t)
  const flow = startFlow(google)
  await postToken(google, exchangeForm(flow, google.consent(flow.url)))
  google.ledger.plant('Liebe Grüße / "Ihr" Amt')
  const spell: Record<Encoding, (value: string) => string[]> = {
    raw: value => [value, `x${value}x`],
    base64: value => ['', 'a', 'ab'].map(before => base64(`${before}${value}{after`)),
    base64url: value => ['', 'a', 'ab'].map(before => Buffer.from(`${before}${value}`).toString('base64url')),
    hex: value => [Buffer.from(value).toString('hex'), Buffer.from(`--${value}`).toString('hex').toUpperCase()],
    'url-encoded': value => [
      encodeURIComponent(value),
      encodeURIComponent(value).replace(/%../g, hex => hex.toLowerCase())
    ],
    'json-escaped': value => [JSON.stringify({ value }), JSON.stringify({ value }).replaceAll('/', '\\/')],
    'double-base64': value => ['', 'a', 'ab'].map(before => base64(base64(`${before}${value} and more`)))
  }
  for (const { kind, value } of google.ledger.entries) {
    for (const [encoding, spellings] of Object.entries(spell)) {
      for (const text of spellings(value)) {
        const noise = randomBytes(3000)
        const inBytes = google.ledger.find(Buffer.concat([noise, Buffer.from(text), noise]))
        const inText = google.ledger.find(`"${text}"`)
        for (const hits of [inBytes, inText]) {
          // An id_token carries the nonce, which is found in it as well.
          const others = hits.filter(hit => hit.kind !== kind && !(kind === 'id_token' && hit.kind === 'nonce'))
          t.match([hits.find(hit => hit.kind === kind)?.value, others], [value, []], `${kind} ${encoding}`)
        }
      }
    }
  }
})

t.test('ledger › finds nothing where nothing is, and only the kinds asked for', async t => {
  const google = await start(t)
  const { access_token, refresh_token } = await connect(google)
  t.same(google.ledger.find(randomBytes(1_000_000)), [])
  t.same(google.ledger.find(`${google.issuer} ${google.clientId} ada@example.com`), [])
  const keys = await (await fetch(`${google.issuer}/oauth2/v3/certs`)).text()
  t.same(google.ledger.find(keys), [], 'key ids are public')
  const log = `a ${access_token} b ${refresh_token} c ${access_token}`
  t.same(
    google.ledger.find(log).map(({ kind }) => kind),
    ['access_token', 'refresh_token'],
    'once each'
  )
  t.same(
    google.ledger.find(log, ['refresh_token']).map(({ value }) => value),
    [refresh_token]
  )
})

t.test('ledger › a secret cut short shows by its canary, an id_token by a part of it', async t => {
  const google = await start(t)
  const { access_token, id_token } = await connect(google)
  t.match(google.ledger.find(`token=${access_token.slice(0, -6)}…`), [{ kind: 'canary' }])
  t.match(
    google.ledger.find(encodeURIComponent(encodeURIComponent(access_token))),
    [{ kind: 'access_token' }],
    'no slash'
  )
  t.match(google.ledger.find(`${access_token} ${access_token.slice(0, -6)}`), [
    { kind: 'access_token' },
    { kind: 'canary' }
  ])
  for (const part of id_token.split('.').slice(1)) t.equal(google.ledger.find(part, ['id_token']).length, 1)
})

t.test('ledger › the cost does not grow with the number of secrets', async t => {
  const google = await start(t)
  for (let count = 0; count < 300; count++) google.consent(startFlow(google).url)
  t.ok(google.ledger.entries.length > 900)
  const haystack = `${'x'.repeat(2_000_000)}${google.clientSecret}`
  t.match(google.ledger.find(haystack), [{ kind: 'client_secret' }])
})
