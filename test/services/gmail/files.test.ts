import t from 'tap'
import { isProblem } from '../../helper.ts'
import { startSending } from './sending.ts'

const message = { to: ['bob@example.com'], subject: 'Files', text: 'Here they are.' }

function form(fields: [string, string | Blob, string?][]): {
  payload: Promise<Buffer>
  headers: Record<string, string>
} {
  const data = new FormData()
  for (const [name, value, filename] of fields)
    typeof value === 'string' ? data.append(name, value) : data.append(name, value, filename)
  const request = new Request('http://x/', { method: 'POST', body: data })
  return {
    payload: request.arrayBuffer().then(bytes => Buffer.from(bytes)),
    headers: { 'content-type': request.headers.get('content-type') ?? '' }
  }
}

t.test('[G16][G17] files › in a form after the mail › are attached, large ones too', async t => {
  const { google, ada, gmail } = await startSending(t)
  const post = async (fields: Parameters<typeof form>[0], more: Record<string, string> = {}) => {
    const { payload, headers } = form(fields)
    return ada.request({
      method: 'POST',
      url: `${gmail}/messages/send`,
      payload: await payload,
      headers: { ...headers, ...more }
    })
  }
  const large = Buffer.alloc(5_000_000, 'large')
  const files: Parameters<typeof form>[0] = [
    ['message', JSON.stringify(message)],
    ['file', new Blob(['one'], { type: 'text/plain' }), 'Prüf.txt'],
    ['file', new Blob([large], { type: 'application/zip' }), 'large.zip']
  ]
  const sent = await post(files)
  t.equal(sent.statusCode, 200, sent.body)
  t.match(google.sent[0]?.parts, [
    { mimeType: 'text/plain' },
    { mimeType: 'text/plain', filename: 'Prüf.txt', size: 3 },
    { mimeType: 'application/zip', filename: 'large.zip', size: large.length }
  ])

  const key = { 'idempotency-key': 'files' }
  t.equal((await post(files, key)).statusCode, 200)
  t.equal((await post(files, key)).headers['idempotency-replayed'], 'true')
  const others = files.with(1, ['file', new Blob(['two'], { type: 'text/plain' }), 'Prüf.txt'])
  isProblem(t, await post(others, key), 422, 'idempotency_mismatch')
  t.equal(google.sent.length, 2)

  for (const fields of [
    [],
    files.slice(1),
    [['message', '{'], ...files.slice(1)],
    [...files.slice(0, 1), ['another', 'field']],
    [['message', JSON.stringify({ ...message, unknown: 1 })], ...files.slice(1, 2)]
  ] as Parameters<typeof form>[0][]) {
    isProblem(t, await post(fields), 400, 'invalid_request')
  }
  const whole = (await form(files.slice(0, 2)).payload).toString()
  const boundary = whole.split('\r\n', 1)[0]?.slice(2)
  for (const cut of [40, 130, 200, whole.length - 60, whole.length - 4]) {
    const answer = await ada.request({
      method: 'POST',
      url: `${gmail}/messages/send`,
      payload: whole.slice(0, cut),
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }
    })
    isProblem(t, answer, 400, 'invalid_request')
  }
  t.equal(google.sent.length, 2)
  const typed = new Blob([JSON.stringify(message)], { type: 'application/json' })
  t.equal((await post([['message', typed, 'blob'], ...files.slice(1, 2)])).statusCode, 200, 'as browsers type it')
  t.match(google.sent[2]?.parts, [{ mimeType: 'text/plain' }, { filename: 'Prüf.txt' }])
  t.same(google.violations, [])
})

t.test('[G17] files › larger than Gmail accepts › 413, and nothing is sent', async t => {
  const { google, ada, gmail, send, account } = await startSending(t)
  const parent = account.receive({
    subject: 'Large',
    from: 'charles@example.org',
    to: 'ada@example.com',
    body: 'x',
    attachments: [{ filename: 'large.bin', content: Buffer.alloc(20_000_000, 'x') }]
  })
  const file = { fromMessage: parent.id, partId: '1' }
  isProblem(t, await send({ ...message, attachments: [file, file] }), 413, 'message_too_large')
  isProblem(
    t,
    await send({ ...message, attachments: [file, file] }, { 'idempotency-key': 'large' }),
    413,
    'message_too_large'
  )
  t.equal((await send({ ...message, attachments: [file] })).statusCode, 200)
  const announced = await ada.request({
    method: 'POST',
    url: `${gmail}/messages/send`,
    payload: 'x',
    headers: { 'content-type': 'multipart/form-data; boundary=x', 'content-length': '50000000' }
  })
  isProblem(t, announced, 413, 'message_too_large')
  const tooMuch = { ...message, text: 'x'.repeat(11_000_000) }
  isProblem(t, await send(tooMuch), 413, 'payload_too_large')
  t.equal(google.sent.length, 1)
  t.same(account.drafts.list(), [])
})
