import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { BSON } from 'mongodb'
import t from 'tap'
import { build } from '../../helper.ts'
import { connectedMailbox } from './mailbox.ts'

t.test('[R83] mail › its content is neither stored nor logged, failures included', async t => {
  const stream = new PassThrough()
  const log = text(stream)
  const { app, google, signedIn } = await build(t, { logger: { stream, level: 'trace' } })
  const secrets = {
    subject: 'The subject of this mail is nobody-elses-affair-1',
    body: 'The body of this mail is nobody-elses-affair-2',
    from: 'Somebody <nobody-elses-affair-3@example.org>',
    content: 'The attachment of this mail is nobody-elses-affair-4',
    search: 'searching-for-nobody-elses-affair-5'
  }
  for (const secret of Object.values(secrets)) google.ledger.plant(secret)
  google.addUser({
    sub: '100000000000000000001',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    messages: [
      {
        subject: secrets.subject,
        from: secrets.from,
        body: secrets.body,
        attachments: [{ filename: 'plan.txt', content: secrets.content }]
      }
    ]
  })
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  const seen: string[] = []
  for (const { request } of routes) seen.push((await ada.request(request)).body)
  await ada.fetch(`/connections/${connection.id}/gmail/messages?q=${secrets.search}`)
  // Errors of parsers quote the text that they cannot read.
  const spoilt = (body: string) =>
    /"(?:data|raw)":"[^"]*"\}$/.test(body) ? body.replace(/"(data|raw)":"/, '"$1":"*') : body.slice(0, -3)
  for (const raw of [spoilt, (body: string) => `${body.slice(0, -1)}]`]) {
    for (const { name, request, itemized } of routes.filter(({ use }) => use === 'read')) {
      // Once a file's first bytes are sent, its answer can only break off: the tests of its decoder show that.
      if ((name === 'attachment' || name === 'message, raw') && raw !== spoilt) continue
      if (itemized) continue
      google.fault('gmail', { raw }, Number.POSITIVE_INFINITY)
      t.equal((await ada.request(request)).statusCode, 502, name)
      google.clearFaults()
    }
  }
  google.clearFaults()
  t.ok(google.ledger.find(seen.join('\n'), ['planted']).length >= 4, 'the reader did get it')

  const stored: Buffer[] = []
  for (const { name } of (await app.mongo.db?.listCollections().toArray()) ?? []) {
    for (const document of (await app.mongo.db?.collection(name).find().toArray()) ?? [])
      stored.push(Buffer.from(BSON.serialize(document)))
  }
  t.same(google.ledger.find(Buffer.concat(stored), ['planted']), [])
  await app.close()
  stream.end()
  const lines = await log
  t.ok(lines.split('\n').length > 40)
  t.same(google.ledger.find(lines), [])
})
