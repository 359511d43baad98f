import type { FakeGoogle } from '@guichet/fake-google'
import { gmailFault } from '@guichet/fake-google/gmail-errors'
import t from 'tap'
import { isProblem } from '../../helper.ts'
import { startSending } from './sending.ts'

type Fault = Parameters<FakeGoogle['fault']>[1]

const mail = { to: ['bob@example.com'], subject: 'Once', text: 'Only once.' }
const key = { 'idempotency-key': 'order-4711' }
const quick = { environment: { GOOGLE_TIMEOUT_MS: '300' } }

t.test('[G12] idempotency › the same key again › any replica gives the same answer', async t => {
  const { google, send, ada, replica, app } = await startSending(t)
  const first = await send(mail, key)
  t.equal(first.statusCode, 200, first.body)
  t.equal(first.headers['idempotency-replayed'], undefined)
  const calls = google.calls('gmail')
  const elsewhere = ada.clone(await replica())
  for (const browser of [ada, elsewhere]) {
    const again = await send(mail, key, browser)
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.same(again.json(), first.json())
  }
  t.equal(google.calls('gmail'), calls, 'Gmail was not asked')
  isProblem(t, await send({ ...mail, text: 'Another.' }, key), 422, 'idempotency_mismatch')
  t.equal((await send(mail, { 'idempotency-key': 'order-4712' })).statusCode, 200)
  isProblem(t, await send(mail, { 'idempotency-key': 'é' }), 400, 'invalid_request')
  t.equal(google.sent.length, 2)
  const stored = JSON.stringify(await app.mongo.db?.collection('gmailSends').find().toArray())
  t.notMatch(stored, /4711|Once|bob@example/, 'ids and hashes alone are stored')
  t.same(google.violations, [])
})

t.test(
  '[G12] idempotency › the same key while the first call runs › 409 with Retry-After, then the stored answer',
  async t => {
    const { google, send } = await startSending(t)
    const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'drafts.send'
    const fault = google.fault('gmail', { hang: true }, { only })
    const arrived = google.arrival('gmail', 3)
    const first = send(mail, key)
    await arrived
    const meanwhile = await send(mail, key)
    isProblem(t, meanwhile, 409, 'in_progress')
    t.ok(meanwhile.headers['retry-after'])
    fault.release()
    t.equal((await first).statusCode, 200)
    t.equal((await send(mail, key)).headers['idempotency-replayed'], 'true')
    t.equal(google.sent.length, 1)
  }
)

t.test(
  '[G11] idempotency › the answer to any step is lost or broken › one mail, and the same key gives its answer',
  async t => {
    const { google, send, account } = await startSending(t, quick)
    const faults: Fault[] = [
      { reset: true },
      { reset: true, when: 'after' },
      { hang: true },
      { hang: true, when: 'after' },
      { status: 500 },
      { status: 503, when: 'after' },
      { cutAt: 5 },
      { raw: '<html>' }
    ]
    let number = 0
    for (const method of ['settings.sendAs.list', 'drafts.create', 'drafts.send', 'drafts.get', 'drafts.list']) {
      for (const fault of faults) {
        number += 1
        const keyed = { 'idempotency-key': `k${number}` }
        const subject = `Mail ${number}`
        const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === method
        // Gmail is only asked what became of a mail after a lost answer: so one is lost first.
        if (method === 'drafts.get')
          google.fault(
            'gmail',
            { reset: true, when: 'after' },
            { only: request => request.gmailMethod === 'drafts.send' }
          )
        google.fault('gmail', fault, { only, times: 2 })
        let answer = await send({ ...mail, subject }, keyed)
        for (let tries = 0; answer.statusCode !== 200 && tries < 5; tries++) {
          t.ok([502, 503].includes(answer.statusCode), `${method} ${JSON.stringify(fault)}: ${answer.body}`)
          answer = await send({ ...mail, subject }, keyed)
        }
        google.clearFaults()
        t.equal(answer.statusCode, 200, `${method} ${JSON.stringify(fault)}: ${answer.body}`)
        const sent = google.sent.filter(one => one.subject === subject)
        t.equal(sent.length, 1, `${method} ${JSON.stringify(fault)}: sent once`)
        t.equal(answer.json().id, sent[0]?.id)
      }
    }
    t.same(account.drafts.list(), [], 'no draft is left')
  }
)

t.test('[G11] idempotency › the process dies while sending › another continues once the lease has expired', async t => {
  const { google, send, app, clock } = await startSending(t)
  for (const state of ['started', 'drafted'] as const) {
    const keyed = { 'idempotency-key': state }
    const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) =>
      gmailMethod === (state === 'started' ? 'drafts.create' : 'drafts.send')
    const fault = google.fault(
      'gmail',
      { status: 403, body: gmailFault('userRateLimitExceeded', {}).body, headers: { 'retry-after': '100' } },
      { only }
    )
    isProblem(t, await send(mail, keyed), 429, 'google_rate_limited')
    t.equal(fault.hits, 1)
    clock.advance(100_000)
    // As a killed process leaves it.
    const lease = { owner: 'dead', until: new Date(clock.nowMs() + 30_000) }
    await app.mongo.db?.collection('gmailSends').updateOne({ sent: null }, { $set: { lease } })
    isProblem(t, await send(mail, keyed), 409, 'in_progress')
    clock.advance(30_001)
    t.equal((await send(mail, keyed)).statusCode, 200, state)
  }
  t.equal(google.sent.length, 2)
})

t.test('[G11] idempotency › a mail is refused › no draft is left, and its key can be used again', async t => {
  const { google, send, account } = await startSending(t)
  isProblem(t, await send({ ...mail, from: 'ceo@example.org' }, key), 422, 'sender_not_allowed')
  google.fault('gmail', gmailFault('invalidArgument'), { only: ({ gmailMethod }) => gmailMethod === 'drafts.send' })
  isProblem(t, await send(mail, key), 400, 'invalid_request')
  t.same(account.drafts.list(), [])
  t.equal((await send({ ...mail, text: 'Mended.' }, key)).statusCode, 200)
  t.equal(google.sent.length, 1)
})

t.test('[G13] send without a key › only a call that Google refused before acting is repeated', async t => {
  const { google, send } = await startSending(t, quick)
  const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'messages.send'
  const count = () => google.requestsTo('gmail').filter(only).length
  const uncertain: Fault[] = [
    { reset: true },
    { reset: true, when: 'after' },
    { hang: true },
    { status: 500 },
    { status: 500, when: 'after' },
    { raw: '' }
  ]
  for (const fault of uncertain) {
    const before = count()
    google.fault('gmail', fault, { only, times: 9 })
    isProblem(t, await send(mail), 502, 'send_outcome_unknown')
    google.clearFaults()
    t.equal(count() - before, 1, JSON.stringify(fault))
  }
  const sent = google.sent.length
  const before = count()
  google.fault('gmail', gmailFault('tooManyRequests', { 'retry-after': '70' }), { only })
  const limited = await send(mail)
  isProblem(t, limited, 429, 'google_rate_limited')
  t.equal(limited.headers['retry-after'], '70')
  t.equal(count() - before, 1, 'a rate is for the app to wait for')
  t.equal(google.sent.length, sent)
})

t.test('[G13] send without a key › the token is refused › it is refreshed, and the mail is sent once', async t => {
  const { google, send } = await startSending(t)
  const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'messages.send'
  google.fault('gmail', gmailFault('authError'), { only })
  t.equal((await send(mail)).statusCode, 200)
  t.equal(google.sent.length, 1)
  t.same(google.violations, [])
})

t.test(
  '[G11] idempotency › the app gives up › the draft is deleted after an hour, and the key still works',
  async t => {
    const { google, send, app, clock, account } = await startSending(t)
    const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'drafts.send'
    google.fault('gmail', gmailFault('userRateLimitExceeded', { 'retry-after': '100' }), { only })
    isProblem(t, await send(mail, key), 429, 'google_rate_limited')
    clock.advance(3_000_000)
    await app.background.run()
    t.equal(account.drafts.list().length, 1, 'the app may ask again')
    clock.advance(600_000)
    await app.background.run()
    t.same(account.drafts.list(), [])
    t.equal((await send(mail, key)).statusCode, 200)
    t.equal(google.sent.length, 1)
    clock.advance(3_700_000)
    await app.background.run()
    t.equal((await send(mail, key)).headers['idempotency-replayed'], 'true')
    t.same(google.violations, [])
  }
)

t.test('[G11] idempotency › repeated only after many other mails › the answer names the right mail', async t => {
  const { google, send, account, clock } = await startSending(t)
  account.messageIds = 'replaced'
  const only = (method: string) => ({
    only: ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === method,
    times: 9
  })
  google.fault('gmail', { reset: true, when: 'after' }, { ...only('drafts.send'), times: 1 })
  google.fault('gmail', { status: 503 }, only('drafts.get'))
  isProblem(t, await send(mail, key), 503, 'send_outcome_unknown')
  google.clearFaults()
  for (let number = 0; number < 15; number++) {
    clock.advance(2_000)
    t.equal((await send({ ...mail, subject: `Later ${number}` })).statusCode, 200)
  }
  const answer = await send(mail, key)
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(answer.json().id, google.sent[0]?.id)
  t.equal(google.sent.length, 16)
  t.same(google.violations, [])
})
