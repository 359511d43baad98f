import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { guichet } from '../../../../src/index.ts'
import { createBackend } from '../../../backend/backend.ts'
import { isProblem } from '../../../helper.ts'
import { openStream } from './event-source.ts'
import { aMoment, type Newsroom, openNewsroom } from './newsroom.ts'

const mail = { subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }

function reader(t: Parameters<typeof openStream>[0], { app, ada, connection }: Newsroom) {
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return (lastEventId?: string, at = app) =>
    openStream(t, at, `/connections/${connection.id}/gmail/stream`, {
      cookie,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId })
    })
}

t.test('[G32] a stream › opened › the events from then on, each with its number as id', async t => {
  const room = await openNewsroom(t)
  const { follow, mailbox, pass, told } = room
  await follow()
  mailbox.receive(mail)
  await pass(aMoment)
  const stream = await reader(t, room)()
  t.equal(stream.status, 200)
  t.match(stream.headers.get('content-type'), /^text\/event-stream/)
  t.equal(stream.headers.get('cache-control'), 'no-store')
  const { id } = mailbox.receive(mail)
  await pass(aMoment)
  const event = await stream.next()
  t.match(event, { data: { type: 'gmail.message_received', data: { messageId: id } } })
  const listed = (await told()).at(-1)
  t.equal(event?.id, String(listed?._id))
  t.equal(event?.data.id, listed?.id, "the webhook's id")
})

t.test('[G32] a stream › resumed after a number that was never given › what happens from then on', async t => {
  const room = await openNewsroom(t)
  const { follow, mailbox, pass } = room
  await follow()
  const stream = await reader(t, room)('999999999')
  const { id } = mailbox.receive(mail)
  await pass(aMoment)
  t.match(await stream.next(), { data: { data: { messageId: id } } })
})

t.test('[G32] a stream › cut repeatedly, and reopened at either replica › every event, in order', async t => {
  const room = await openNewsroom(t)
  const { follow, mailbox, pass, replica, app } = room
  const other = await replica()
  const open = reader(t, room)
  await follow()
  // Without an earlier event, the list starts at its beginning.
  let lastEventId = '0'
  const received: (string | undefined)[] = []
  const sent: string[] = []
  for (let cut = 0; cut < 100; cut++) {
    for (let n = 0; n < cut % 3; n++) sent.push(mailbox.receive(mail).id)
    if (cut % 10 === 9) await pass(aMoment, cut % 20 === 9 ? app : other)
    const stream = await open(lastEventId, cut % 2 === 0 ? app : other)
    // Some readers disconnect before they have read everything, some at once.
    const some = cut === 99 ? sent.length - received.length : cut % 10 === 9 ? (cut % 7) + 1 : 0
    for (let n = 0; n < some; n++) {
      const event = await stream.next()
      received.push(event?.data.data.messageId)
      lastEventId = event?.id ?? lastEventId
    }
    stream.close()
  }
  t.same(received, sent)
})

t.test('[G32] a stream › its session ends › ends', async t => {
  const room = await openNewsroom(t)
  const { ada, follow, mailbox, pass } = room
  await follow()
  const stream = await reader(t, room)()
  await ada.clone().fetch('/auth/session', 'DELETE')
  mailbox.receive(mail)
  await pass(aMoment)
  t.equal(await stream.next(), undefined, 'and the news after that is not in it')
})

t.test('[G32] a stream › its connection ends or its grant is revoked › ends', async t => {
  for (const end of ['disconnected', 'revoked'] as const) {
    const room = await openNewsroom(t)
    const { ada, connection, google, follow, app, clock } = room
    await follow()
    const stream = await reader(t, room)()
    if (end === 'disconnected') await ada.fetch(`/connections/${connection.id}`, 'DELETE')
    else {
      google.revokeGrant('ada@example.com')
      clock.advance(3_600_000)
      await app.background.run()
      await app.background.run()
    }
    t.equal(await stream.next(), undefined, end)
    const again = await reader(t, room)()
    t.equal(again.status, { disconnected: 404, revoked: 409 }[end])
  }
})

t.test('[G32] streams › a backend’s key is revoked › its streams end', async t => {
  const { app, connection, follow, mailbox, pass } = await openNewsroom(t)
  await follow()
  const backend = await createBackend(app)
  const url = `/v1/connections/${connection.id}/gmail/stream`
  const stream = await openStream(t, app, url, { authorization: `Bearer ${backend.key}` })
  const { id } = mailbox.receive(mail)
  await pass(aMoment)
  t.match(await stream.next(), { data: { data: { messageId: id } } })
  await app.backendKeys.revoke(backend.id)
  mailbox.receive(mail)
  await pass(aMoment)
  t.equal(await stream.next(), undefined)
})

t.test('[G32] streams › more than three of a session › 429, until one is closed', async t => {
  const room = await openNewsroom(t)
  const { ada, connection } = room
  const open = reader(t, room)
  const streams = [await open(), await open(), await open()]
  const url = `/connections/${connection.id}/gmail/stream`
  isProblem(t, await ada.fetch(url), 429, 'rate_limited')
  streams[0]?.close()
  // The server notices it a moment later.
  for (;;) {
    const fourth = await open()
    if (fourth.status === 200) break
  }
  t.pass('the fourth is open')
})

t.test('[G32] streams › the server stops › they end, and delay nothing', async t => {
  const room = await openNewsroom(t)
  const { app } = room
  const stream = await reader(t, room)()
  await app.close()
  t.equal(await stream.next(), undefined)
})

t.test('[G32] streams › the host app stops › they end, and delay nothing', async t => {
  const room = await openNewsroom(t)
  const host = Fastify() as unknown as FastifyInstance
  await host.register(guichet, { ...room.config, clock: room.clock })
  const stream = await reader(t, room)(undefined, host)
  t.equal(stream.status, 200)
  await host.close()
  t.equal(await stream.next(), undefined)
})

t.test('[G32] a stream › without a session, of another user, or with no number › is refused', async t => {
  const room = await openNewsroom(t)
  const { app, ada, connection, signedIn } = room
  const url = `/connections/${connection.id}/gmail/stream`
  isProblem(t, await app.inject(url), 401, 'unauthenticated')
  const bob = await signedIn('bob@example.com')
  isProblem(t, await bob.fetch(url), 404, 'not_found')
  isProblem(t, await ada.request({ url, headers: { 'last-event-id': '1; DROP' } }), 400, 'invalid_request')
})
