import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { toBytes } from '../src/content.ts'
import { describeMail } from '../src/gmail/described-mail.ts'
import { startGmail } from './gmail-story.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Whether no more than that many bytes outside the heap are held on to; what a closed connection held goes a moment later. */
async function holdsNoMoreThan(bytes: number): Promise<boolean> {
  for (let round = 0; round < 100; round++) {
    await new Promise(resolve => setImmediate(resolve))
    collectGarbage()
    if (process.memoryUsage().arrayBuffers <= bytes) return true
  }
  return false
}

const HEAD = 'From: ada@example.com\r\nTo: bob@example.org\r\n'
const related = (json: object, mail: string | Buffer) =>
  Buffer.concat([
    Buffer.from(
      `--b1\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(json)}\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\n`
    ),
    Buffer.from(mail),
    Buffer.from('\r\n--b1--')
  ])
const headers = { 'content-type': 'multipart/related; boundary="b1"' }
const path = '/upload/gmail/v1/users/me/messages/send?uploadType=multipart'

t.test('upload › multipart and media, for mails and drafts', async t => {
  const { fetch, google, gmail } = await startGmail(t)
  const parent = gmail.receive({ subject: 'Lunch', from: 'b@c.d', body: '?', messageId: '<l@c.d>' })
  const reply = `${HEAD}Subject: Re: Lunch\r\nIn-Reply-To: <l@c.d>\r\n\r\nYes.`
  const sent = await fetch(path, { method: 'POST', headers, body: related({ threadId: parent.threadId }, reply) })
  t.match(await sent.json(), { threadId: parent.threadId, labelIds: ['SENT'] })
  t.match(google.sent[0], { size: reply.length, sha256: createHash('sha256').update(reply).digest('hex') })
  t.equal(google.sent[0]?.source().toString().endsWith('\r\n\r\nYes.'), true)

  const media = await fetch('/upload/gmail/v1/users/me/messages/send?uploadType=media', {
    method: 'POST',
    headers: { 'content-type': 'message/rfc822' },
    body: `${HEAD}\r\nHi.`
  })
  t.equal(media.status, 200)
  const drafts = '/upload/gmail/v1/users/me/drafts?uploadType=multipart'
  const created = await fetch(drafts, {
    method: 'POST',
    headers,
    body: related({ message: { threadId: parent.threadId } }, reply)
  })
  const draft = (await created.json()) as { id: string; message: { threadId: string } }
  t.equal(draft.message.threadId, parent.threadId)
  const update = `/upload/gmail/v1/users/me/drafts/${draft.id}?uploadType=multipart`
  t.equal((await fetch(update, { method: 'PUT', headers, body: related({}, `${HEAD}\r\nx`) })).status, 200)

  for (const [bad, body] of [
    [path, related({}, reply).subarray(0, -8)],
    [path.replace('multipart', 'resumable'), related({}, reply)],
    [path, Buffer.from('nothing')]
  ] as const) {
    t.equal((await fetch(bad, { method: 'POST', headers, body })).status, 400)
  }
  t.equal(google.sent.length, 2)
})

t.test('upload › 30 MB › streamed, each part counted and hashed; over 35 MB › 413 as HTML', async t => {
  const { fetch, google } = await startGmail(t)
  const large = (bytes: number) =>
    describeMail(
      {
        subject: 'Large',
        from: 'ada@example.com',
        body: 'See.',
        attachments: [{ filename: 'a.bin', content: { bytes } }]
      },
      { to: 'bob@example.org', dateMs: 0, messageId: '<large@x>' }
    )
  const upload = async (bytes: number) => {
    const { raw } = large(bytes)
    const head = related({}, '').subarray(0, -8)
    async function* body() {
      yield head
      for (const chunk of raw.chunks()) yield chunk
      yield Buffer.from('\r\n--b1--')
    }
    return fetch(path, {
      method: 'POST',
      headers,
      body: Readable.toWeb(Readable.from(body())),
      duplex: 'half'
    } as RequestInit)
  }
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  t.equal((await upload(20_000_000)).status, 200)
  t.ok(await holdsNoMoreThan(before + 10_000_000), 'not held')
  const content = large(20_000_000).root.parts[1]?.content
  const sha256 = content && createHash('sha256').update(toBytes(content)).digest('hex')
  t.match(google.sent[0]?.parts, [{ mimeType: 'text/plain' }, { filename: 'a.bin', size: 20_000_000, sha256 }])
  t.equal(google.sent[0]?.size, large(20_000_000).raw.size)
  const refused = await upload(27_000_000)
  t.equal(refused.status, 413)
  t.match(refused.headers.get('content-type'), 'text/html')
  t.match(await refused.text(), /<html/)
  t.equal(google.sent.length, 1)
})

t.test('upload › JSON with more than a megabyte of mail › 413 as HTML', async t => {
  const { fetch, google } = await startGmail(t)
  const raw = Buffer.from(`${HEAD}\r\n${'x'.repeat(1_200_000)}`).toString('base64url')
  const json = { 'content-type': 'application/json' }
  const send = '/gmail/v1/users/me/messages/send'
  const refused = await fetch(send, { method: 'POST', headers: json, body: JSON.stringify({ raw }) })
  t.same([refused.status, google.sent.length], [413, 0])
  const body = JSON.stringify({ raw: Buffer.from(`${HEAD}\r\n${'x'.repeat(1_000_000)}`).toString('base64url') })
  t.equal((await fetch(send, { method: 'POST', headers: json, body })).status, 200)
})

t.test('large mail › made while it is read: an attachment, a raw mail, an answer', async t => {
  const { gmail, fetch } = await startGmail(t)
  const { id } = gmail.receive({
    subject: 'Large',
    from: 'b@c.d',
    body: 'x',
    html: 13_500_000,
    attachments: [{ filename: 'a.bin', content: { bytes: 25_000_000 } }]
  })
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  const sizeOf = async (path: string) => {
    let size = 0
    for await (const chunk of (await fetch(`/gmail/v1/users/me/messages/${id}${path}`)).body ?? []) size += chunk.length
    return size
  }
  t.ok((await sizeOf('')) > 18_000_000)
  t.ok((await sizeOf('?format=raw')) > 45_000_000)
  const narrow = await fetch(`/gmail/v1/users/me/messages/${id}?fields=payload/parts/body/attachmentId`)
  const { payload } = (await narrow.json()) as { payload: { parts: { body: { attachmentId: string } }[] } }
  t.ok((await sizeOf(`/attachments/${payload.parts[1]?.body.attachmentId}`)) > 33_000_000)
  t.ok(await holdsNoMoreThan(before + 10_000_000), 'not held')
})

t.test('large mail › readers that stop or disconnect are noticed, and an upload can stall', async t => {
  const { gmail, fetch, google } = await startGmail(t)
  const { id } = gmail.receive({
    subject: 'Large',
    from: 'b@c.d',
    body: 'x',
    attachments: [{ filename: 'a.bin', content: { bytes: 40_000_000 } }]
  })
  const reader = (await fetch(`/gmail/v1/users/me/messages/${id}?format=raw`)).body?.getReader()
  await reader?.read()
  // Another whole answer passes meanwhile: what could flow has flowed.
  await (await fetch('/gmail/v1/users/me/profile')).json()
  const request = google.requestsTo('gmail').find(({ query }) => query === 'format=raw')
  t.ok((request?.answeredBytes ?? 0) > 0)
  t.ok((request?.answeredBytes ?? Infinity) < 30_000_000)
  t.equal(request?.isCut, false)
  await reader?.cancel()
  while (!request?.isCut) await new Promise(resolve => setImmediate(resolve))

  const fault = google.fault('gmail', { hangBeforeRead: true })
  const arrived = google.arrival('gmail')
  const answer = fetch(path, { method: 'POST', headers, body: related({}, `${HEAD}\r\nx`) })
  t.match(await arrived, { complete: false })
  t.equal(google.sent.length, 0)
  fault.release()
  t.equal((await answer).status, 200)
  t.equal(google.sent.length, 1)
})
