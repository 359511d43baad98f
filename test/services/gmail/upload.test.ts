import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'
import t from 'tap'
import type { ConnectionRecord } from '../../../src/connections/record.ts'
import { hasCode } from '../../../src/errors.ts'
import { createGmailClient } from '../../../src/services/gmail/client.ts'
import { composeMail, type Mail } from '../../../src/services/gmail/compose.ts'
import { createAccountGovernor } from '../../../src/services/gmail/governor.ts'
import { createGmailMetrics } from '../../../src/services/gmail/metrics.ts'
import type { Share } from '../../../src/services/gmail/quota.ts'
import { submit } from '../../../src/services/gmail/upload.ts'

const plenty: Share = {
  has: () => true,
  spend: () => {},
  refill: async () => 0,
  foresee: () => 0,
  left: () => 1_000_000,
  pause: async () => {},
  pausedUntilMs: () => 0
}
const nowMs = () => Date.now()
const chunk = Buffer.alloc(65_536, 'x')

/** A mail with one file of that many bytes; what was taken of it so far. */
function createLargeMail(bytes: number) {
  let pulled = 0
  async function* file() {
    for (; pulled < bytes; pulled += chunk.length) yield chunk
  }
  const mail: Mail = {
    from: { name: '', address: 'ada@example.com' },
    to: [{ name: '', address: 'bob@example.com' }],
    cc: [],
    bcc: [],
    replyTo: [],
    subject: 'Large',
    text: 'x',
    html: undefined,
    inReplyTo: undefined,
    references: [],
    headers: {},
    messageId: '<x@example.com>',
    date: new Date(0),
    files: [{ inline: false, open: () => ({ filename: 'large.bin', mimeType: 'application/x-large', bytes: file() }) }]
  }
  return { write: () => composeMail(mail), pulled: () => pulled }
}

function openGmail(apiUrl: string) {
  const governor = createAccountGovernor({
    account: plenty,
    project: plenty,
    unitsPerUser: 1,
    unitsPerProject: 1,
    nowMs
  })
  const open = createGmailClient({
    apiUrl,
    timeoutMs: 10_000,
    nowMs,
    metrics: createGmailMetrics(new Registry()),
    onProjectRefused: () => {}
  })
  return open({
    access: {
      connection: {} as ConnectionRecord,
      lastStartMs: nowMs() + 20_000,
      token: async () => 'token',
      call: (token, send) => send(token, 180_000)
    },
    governor,
    interactive: true
  })
}

t.test('[G17] upload › Google stops reading › the file is read no further, and memory does not grow', async t => {
  const released = Promise.withResolvers<void>()
  let received = 0
  const server = createServer(async (request, response) => {
    await released.promise
    for await (const bytes of request) received += (bytes as Buffer).length
    response.setHeader('content-type', 'application/json').end('{"id":"m1","threadId":"t1","labelIds":["SENT"]}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const gmail = openGmail(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const size = 20 * 1024 * 1024
  const { write, pulled } = createLargeMail(size)
  const before = process.memoryUsage().rss
  const sent = submit(
    gmail,
    'messages.send',
    { write, rewritable: true },
    't1',
    (users, { requestBody, media }, options) =>
      users.messages.send({ userId: 'me', requestBody, ...(media && { media }) }, options)
  )
  // Until nothing moves any more.
  for (let last = -1; pulled() !== last; await delay(100)) last = pulled()
  t.ok(pulled() < size * 0.6, `${pulled()} bytes were fetched while the upload stood still`)
  t.ok(process.memoryUsage().rss - before < 40 * 1024 * 1024)
  released.resolve()
  t.match(await sent, { id: 'm1' })
  t.ok(received > size * 1.33, 'in base64')
})

t.test('[G17] upload › a mail becomes too large while it is sent › the upload ends', async t => {
  let ended = false
  const server = createServer(async request => {
    try {
      for await (const _bytes of request);
      ended = true
    } catch {
      // Cut off, as expected.
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const gmail = openGmail(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const { write } = createLargeMail(36 * 1024 * 1024)
  const error = await submit(
    gmail,
    'messages.send',
    { write, rewritable: true },
    undefined,
    (users, { requestBody, media }, options) =>
      users.messages.send({ userId: 'me', requestBody, ...(media && { media }) }, options)
  ).catch(error => error)
  t.ok(hasCode(error, 'message_too_large'))
  t.notOk(ended, 'Google never had the whole')
})
