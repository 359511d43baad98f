import type { FakeGoogle } from '@guichet/fake-google'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { enter, isProblem } from '../../../helper.ts'
import { hookUrl, type Newsroom, openNewsroom, pushAccount, pushEnvironment } from './newsroom.ts'

type PushChanges = NonNullable<Parameters<FakeGoogle['pubsub']['request']>[1]>

const mail = { subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }
const subscription = 'projects/guichet-test/subscriptions/gmail'

function pushTo({ app, google }: Pick<Newsroom, 'google'> & { app: FastifyInstance }) {
  google.pubsub.subscribe({ endpoint: hookUrl, serviceAccount: pushAccount })
  return (changes?: PushChanges) => {
    const { headers, body } = google.pubsub.request('ada@example.com', changes)
    return app.inject({ method: 'POST', url: '/hooks/gmail', headers, payload: body })
  }
}

t.test('[G26][G30] a push › the mailbox is read at once, from the stored cursor', async t => {
  const room = await openNewsroom(t, { environment: pushEnvironment })
  const { follow, mailbox, pass, news, calls, stored } = room
  const push = pushTo(room)
  t.match(await follow(), { status: 'active', mode: 'push', error: null })
  t.match(mailbox.watch, { topicName: pushEnvironment.GMAIL_PUBSUB_TOPIC, labelIds: [] })
  // One poll at first; after that it relies on pushes.
  await pass(30_000)
  await pass(30_000)
  const looks = calls('history.list')
  const first = mailbox.receive(mail)
  const second = mailbox.receive(mail)
  await pass(1_000)
  t.equal(calls('history.list'), looks)

  const answer = await push()
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
  await pass(0)
  t.same(await news(), [`received ${first.id}`, `received ${second.id}`])
  t.ok((await stored()).lastNotifiedAt)
})

t.test('[G30] a push › repeated or late › nothing is done twice', async t => {
  const room = await openNewsroom(t, { environment: pushEnvironment })
  const { follow, mailbox, pass, news, calls } = room
  const push = pushTo(room)
  await follow()
  const early = String(mailbox.history.current())
  mailbox.receive(mail)
  for (let times = 0; times < 3; times++) t.equal((await push({ messageId: '7' })).statusCode, 204)
  await pass(0)
  const looks = calls('history.list')
  for (const changes of [{ messageId: '7' }, { messageId: '8' }, { messageId: '9', historyId: early }]) {
    t.equal((await push(changes)).statusCode, 204)
    await pass(0)
  }
  t.equal(calls('history.list'), looks, 'all that they tell of is told')
  t.equal((await news()).length, 1)
})

t.test('[G30] a push › for an unwatched mailbox, or the address in other case › 204', async t => {
  const room = await openNewsroom(t, { environment: pushEnvironment })
  const { follow, mailbox, pass, news } = room
  const push = pushTo(room)
  t.equal((await push()).statusCode, 204)
  await follow()
  mailbox.receive(mail)
  t.equal((await push({ emailAddress: 'stranger@example.com' })).statusCode, 204)
  await pass(0)
  t.same(await news(), [])
  t.equal((await push({ emailAddress: 'Ada@Example.COM' })).statusCode, 204)
  await pass(0)
  t.equal((await news()).length, 1)
})

t.test('[G30] a push › without a valid token › 401, and nothing is done', async t => {
  const room = await openNewsroom(t, { environment: { ...pushEnvironment, GMAIL_PUBSUB_SUBSCRIPTION: subscription } })
  const { follow, mailbox, stored } = room
  const push = pushTo(room)
  await follow()
  mailbox.receive(mail)
  const { dueAt } = await stored()
  const wrong: Record<string, PushChanges> = {
    'no token': { authorization: null },
    'no bearer': { authorization: 'Basic YTpi' },
    'another key': { key: 'foreign' },
    'another issuer': { claims: { iss: 'https://issuer.example.com' } },
    'another audience': { claims: { aud: 'https://other.example.com' } },
    'another account': { claims: { email: 'other@guichet-test.iam.gserviceaccount.com' } },
    'not verified': { claims: { email_verified: false } },
    'nothing of verified': { claims: { email_verified: undefined } },
    'run out': { claims: { exp: Math.floor(room.clock.nowMs() / 1000) - 120 } },
    'another subscription': { subscription: 'projects/guichet-test/subscriptions/other' }
  }
  for (const [name, changes] of Object.entries(wrong)) {
    const answer = await push(changes)
    isProblem(t, answer, 401, 'unauthenticated')
    t.equal(answer.headers['www-authenticate'], 'Bearer realm="guichet hooks"')
    t.equal((await stored()).dueAt.getTime(), dueAt.getTime(), name)
  }
  t.equal((await push()).statusCode, 204, 'the right one passes')
})

t.test('[G30] a push › not a notification, or too large › refused', async t => {
  const room = await openNewsroom(t, { environment: pushEnvironment })
  const push = pushTo(room)
  for (const body of [
    {},
    [],
    { message: {}, subscription },
    { message: { data: 'e30=', messageId: '1' }, subscription }
  ])
    isProblem(t, await push({ body }), 400, 'invalid_request')
  isProblem(t, await push({ body: { padding: 'x'.repeat(17_000) } }), 413, 'payload_too_large')
  isProblem(t, await push({ body: 'x'.repeat(17_000), authorization: null }), 401, 'unauthenticated')
})

t.test('[G30] the hook › pushes are not configured › 404', async t => {
  const { app, google } = await enter(t)
  isProblem(t, await pushTo({ app, google })(), 404, 'not_found')
})

t.test('[G29] the first watch is refused by Google › polling, and the state says why', async t => {
  const { follow, mailbox, pass, news, watch } = await openNewsroom(t, { environment: pushEnvironment })
  mailbox.refusesWatch = 'topic'
  t.match(await follow(), { status: 'polling', mode: 'poll', expiresAt: null, error: { code: 'forbidden' } })
  const { id } = mailbox.receive(mail)
  await pass(30_000)
  t.same(await news(), [`received ${id}`])
  t.match((await watch('GET')).json(), { error: { code: 'forbidden' } }, 'for as long as it is so')
  mailbox.refusesWatch = undefined
  await pass(3_600_000)
  t.match((await watch('GET')).json(), { status: 'active', mode: 'push', error: null }, 'it is tried again')
})

t.test('[G29] a watch › is renewed daily; if that fails it lapses, and the state says so', async t => {
  const environment = { ...pushEnvironment, SESSION_IDLE_SECONDS: '31536000', SESSION_MAX_SECONDS: '31536000' }
  const { follow, mailbox, pass, news, watch, told } = await openNewsroom(t, { environment })
  const hour = 3_600_000
  await follow()
  const first = mailbox.watch?.expirationMs ?? 0
  for (let hours = 0; hours < 30; hours++) await pass(hour)
  t.ok((mailbox.watch?.expirationMs ?? 0) > first, 'renewed within 30 hours')
  mailbox.refusesWatch = 'topic'
  for (let hours = 0; hours < 7 * 24; hours += 6) await pass(6 * hour)
  t.same(await news(), ['watch_lapsed'])
  t.match((await watch('GET')).json(), { status: 'lapsed', mode: 'poll', error: { code: 'forbidden' } })
  const { id } = mailbox.receive(mail)
  await pass(hour)
  t.same((await news()).slice(1), [`received ${id}`], 'polling goes on')
  mailbox.refusesWatch = undefined
  await pass(hour)
  t.same((await news()).slice(2), ['watch_restored'])
  t.match((await watch('GET')).json(), { status: 'active', mode: 'push', error: null })
  t.match((await told()).at(-1)?.data, { connectionId: String, expiresAt: String })
})
