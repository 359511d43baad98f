import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { BSON } from 'mongodb'
import t from 'tap'
import { type Browser, isProblem, problemOf } from '../../helper.ts'
import { startSending } from './sending.ts'

const readonly = 'https://www.googleapis.com/auth/gmail.readonly'
const modify = 'https://www.googleapis.com/auth/gmail.modify'
const payload = { to: ['bob@example.com'], subject: 'x', text: 'x' }
const routes = (prefix: string) =>
  [
    { use: 'send', method: 'POST', url: `${prefix}/gmail/messages/send`, payload },
    { use: 'modify', method: 'POST', url: `${prefix}/gmail/drafts`, payload },
    { use: 'read', method: 'GET', url: `${prefix}/gmail/drafts` },
    { use: 'read', method: 'GET', url: `${prefix}/gmail/drafts/r1` },
    { use: 'modify', method: 'PUT', url: `${prefix}/gmail/drafts/r1`, payload },
    { use: 'modify', method: 'DELETE', url: `${prefix}/gmail/drafts/r1` },
    { use: 'send', method: 'POST', url: `${prefix}/gmail/drafts/r1/send` }
  ] as const
const ask = (browser: Browser, { use: _, ...request }: ReturnType<typeof routes>[number]) => browser.request(request)

t.test('[R80] sending › without a session, of another user, of another service › refused before any call', async t => {
  const { app, google, browser, ada, gmail } = await startSending(t)
  const own = gmail.replace('/gmail', '')
  const bob = browser()
  await bob.signIn('bob@example.com')
  const calendar = (await ada.connect({}, '/connect/calendar')).json().connection.id
  for (const { use: _, ...request } of routes(own)) isProblem(t, await app.inject(request), 401, 'unauthenticated')
  for (const route of routes(own)) isProblem(t, await ask(bob, route), 404, 'not_found')
  for (const route of routes(`/connections/${calendar}`)) isProblem(t, await ask(ada, route), 404, 'not_found')
  t.equal(google.calls('gmail'), 0)
})

t.test('[R82] sending › only reading is granted › 403 missing_scopes before any call', async t => {
  const { google, browser, clock } = await startSending(t)
  const bob = browser()
  await bob.signIn('bob@example.com')
  const { id } = await bob.connected({ as: 'bob@example.com', grant: [readonly] })
  // No token is fetched for such a call either.
  clock.advance(3_600_000)
  const tokens = google.calls('token')
  for (const route of routes(`/connections/${id}`).filter(({ use }) => use !== 'read')) {
    const answer = await ask(bob, route)
    isProblem(t, answer, 403, 'missing_scopes')
    t.same(problemOf(answer).missingScopes, [modify])
  }
  t.equal(google.calls('gmail'), 0)
  t.equal(google.calls('token'), tokens)
  t.equal((await bob.fetch(`/connections/${id}/gmail/drafts`)).statusCode, 200)
})

t.test("[R87] sending › a key without the route's operation › refused, whatever else it may do", async t => {
  const { app, google, gmail } = await startSending(t)
  const prefix = `/v1${gmail.replace('/gmail', '')}`
  for (const { use, ...request } of routes(prefix)) {
    const others = (['gmail:read', 'gmail:modify', 'gmail:send', 'tokens:vend'] as const).filter(
      operation => operation !== `gmail:${use}`
    )
    const { key } = await app.backendKeys.create({ name: 'b', operations: others, services: null, expiresAt: null })
    const answer = await app.inject({ ...request, headers: { authorization: `Bearer ${key}` } })
    isProblem(t, answer, 403, 'forbidden')
  }
  t.equal(google.calls('gmail'), 0)
})

t.test('[G33] sending › neither the mail nor its key is stored or logged, failures included', async t => {
  const stream = new PassThrough()
  const log = text(stream)
  const { app, google, send, post, ada, gmail } = await startSending(t, { logger: { stream, level: 'trace' } })
  const secret = (name: string) => {
    const value = `nobody-elses-affair-${name}`
    google.ledger.plant(value)
    return value
  }
  const mail = {
    to: [{ name: secret('name'), address: `${secret('to')}@example.org` }],
    cc: [`${secret('cc')}@example.org`],
    bcc: [`${secret('bcc')}@example.org`],
    replyTo: [`${secret('replyto')}@example.org`],
    subject: secret('subject'),
    text: secret('text'),
    html: `<p>${secret('html')}</p>`,
    headers: { 'X-Note': secret('header') },
    attachments: [{ filename: `${secret('filename')}.txt`, content: Buffer.from(secret('content')).toString('base64') }]
  }
  const key = (name: string) => ({ 'idempotency-key': secret(name) })
  t.equal((await send(mail)).statusCode, 200)
  t.equal((await send(mail, key('key-1'))).statusCode, 200)
  const draft = await post('drafts', mail)
  t.equal(draft.statusCode, 200)
  await ada.fetch(`${gmail}/drafts/${draft.json().id}`)
  const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'drafts.send'
  google.fault('gmail', { status: 400, body: { error: { code: 400, message: secret('refusal') } } }, { only })
  t.equal((await send(mail, key('key-2'))).statusCode, 400)
  google.fault('gmail', { raw: body => body.slice(0, -3) }, { only })
  google.fault(
    'gmail',
    { status: 500, body: secret('outage') },
    { only: ({ gmailMethod }) => gmailMethod === 'drafts.get', times: 9 }
  )
  t.equal((await send(mail, key('key-3'))).statusCode, 503)
  google.clearFaults()
  isProblem(t, await send({ ...mail, from: `${secret('from')}@example.org` }), 422, 'sender_not_allowed')
  isProblem(t, await send({ ...mail, [secret('member')]: 1 }), 400, 'invalid_request')

  const stored: Buffer[] = []
  for (const { name } of (await app.mongo.db?.listCollections().toArray()) ?? [])
    for (const document of (await app.mongo.db?.collection(name).find().toArray()) ?? [])
      stored.push(Buffer.from(BSON.serialize(document)))
  t.ok(stored.length > 5)
  t.same(google.ledger.find(Buffer.concat(stored), ['planted']), [])
  await app.close()
  stream.end()
  t.same(google.ledger.find(await log), [])
})
