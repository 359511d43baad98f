import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { startGmail } from './gmail-story.ts'
import { createClock } from './story.ts'

const topicName = 'projects/guichet-test/topics/gmail'
const mail = { subject: 'x', from: 'a@b.c', body: 'x' }

t.test('watch › lasts seven days, is replaced by the next, and stops', async t => {
  const clock = createClock()
  const { call, gmail } = await startGmail(t, { nowMs: clock.nowMs })
  const watch = (body: object) => call('watch', { method: 'POST', body })
  const expiration = String(clock.nowMs() + 7 * 86_400_000)
  t.match((await watch({ topicName })).body, { historyId: String(gmail.history.current()), expiration })
  await watch({ topicName, labelIds: ['INBOX'], labelFilterBehavior: 'INCLUDE' })
  t.match(gmail.watch, { topicName, labelIds: ['INBOX'], labelFilterBehavior: 'include' })
  t.equal((await call('stop', { method: 'POST' })).status, 204)
  t.equal(gmail.watch, undefined)
  t.equal((await watch({ topicName: 'gmail' })).status, 400)
  gmail.refusesWatch = 'topic'
  t.match(await watch({ topicName }), { status: 403, body: { error: { message: /User not authorized/ } } })
  gmail.refusesWatch = 'another-client'
  t.match(await watch({ topicName }), { status: 400, body: { error: { message: /Only one user push/ } } })
})

t.test('push › signed as by Google, and each claim can be made wrong', async t => {
  const { google, gmail } = await startGmail(t)
  gmail.history.jumpTo('9007199254740993')
  google.pubsub.subscribe({ endpoint: 'https://app.example/hooks/gmail', serviceAccount: 'push@guichet.example' })
  const request = google.pubsub.request('ada@example.com')
  const keys = createRemoteJWKSet(new URL(`${google.issuer}/oauth2/v3/certs`))
  const verify = ({ headers }: typeof request) => jwtVerify(headers.authorization?.slice(7) ?? '', keys)
  const { payload } = await verify(request)
  t.match(payload, {
    aud: 'https://app.example/hooks/gmail',
    email: 'push@guichet.example',
    email_verified: true,
    iss: google.issuer
  })
  t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 3600)
  const { message } = JSON.parse(request.body) as { message: { data: string } }
  const data = Buffer.from(message.data, 'base64url').toString()
  t.equal(data, '{"emailAddress":"ada@example.com","historyId":9007199254740993}')
  const wrong = google.pubsub.request('ada@example.com', { claims: { email: 'x@y.z', aud: undefined }, messageId: '7' })
  t.match((await verify(wrong)).payload, { email: 'x@y.z', aud: undefined })
  await t.rejects(verify(google.pubsub.request('ada@example.com', { key: 'foreign' })))
  t.equal(google.pubsub.request('ada@example.com', { authorization: null }).headers.authorization, undefined)
})

t.test('push › follows a change of a watched mailbox, at most once a second', async t => {
  const clock = createClock()
  const { call, google, gmail } = await startGmail(t, { nowMs: clock.nowMs })
  const bodies: string[] = []
  const receiver = createServer(async (request, response) => {
    bodies.push(await text(request))
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  t.teardown(() => receiver.close())
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  google.pubsub.subscribe({ endpoint, serviceAccount: 'push@guichet.example' })
  const receive = async () => {
    gmail.receive(mail)
    await new Promise(resolve => setImmediate(resolve))
    await google.pubsub.settled()
    return bodies.length
  }
  t.equal(await receive(), 0, 'nobody watches')
  await call('watch', { method: 'POST', body: { topicName } })
  t.equal(await receive(), 1)
  t.equal(await receive(), 1, 'too soon: dropped')
  clock.advanceSeconds(2)
  t.equal(await receive(), 2)
  clock.advanceSeconds(8 * 86_400)
  t.equal(await receive(), 2, 'the watch has lapsed')
  t.same(google.pubsub.answers, [204, 204])
})
