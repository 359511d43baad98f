import t from 'tap'
import { createBackend, GuichetError } from '../src/backend.ts'

type Answer = [status: number, body: object, headers?: Record<string, string>] | Error

/** A guichet that gives these answers in turn, and keeps what it was asked. */
function answering(...answers: Answer[]) {
  const asked: Request[] = []
  const fake = async (url: Parameters<typeof fetch>[0], init?: RequestInit) => {
    asked.push(new Request(url as string, init))
    const answer = answers[Math.min(asked.length, answers.length) - 1]
    if (!answer || answer instanceof Error) throw answer
    const [status, body, headers] = answer
    return Response.json(body, { status, ...(headers && { headers }) })
  }
  const backend = createBackend({ url: 'https://auth.example.com/', key: 'gk_1', fetch: fake as typeof fetch })
  return { backend, asked }
}

const soon = { 'retry-after': '0' }
const connection = { id: 'c1' }

t.test('retries › Retry-After › the call is sent again, and at most four times in all', async t => {
  const { backend, asked } = answering(
    [503, { code: 'google_unavailable' }, soon],
    [429, { code: 'rate_limited' }, soon],
    [200, { connection }]
  )
  t.same(await backend.connections.get('c1'), connection)
  t.equal(asked.length, 3)
  t.equal(asked[0]?.url, 'https://auth.example.com/v1/connections/c1')
  t.equal(asked[0]?.headers.get('authorization'), 'Bearer gk_1')

  const never = answering([429, { code: 'rate_limited', retryAfterSeconds: 0 }, soon])
  await t.rejects(never.backend.connections.get('c1'), { code: 'rate_limited' })
  t.equal(never.asked.length, 4)
})

t.test('retries › no Retry-After, or a long one › the complete error at once', async t => {
  for (const headers of [{}, { 'retry-after': '31' }]) {
    const problem = { code: 'google_unavailable', requestId: 'r1', detail: 'away' }
    const { backend, asked } = answering([503, problem, headers as Record<string, string>])
    const error = await backend.connections.get('c1').catch(error => error)
    t.ok(error instanceof GuichetError)
    t.match(error, { code: 'google_unavailable', message: 'away', problem })
    t.equal(asked.length, 1)
  }
})

t.test('retries › a refusal that will not change › is not retried', async t => {
  const { backend, asked } = answering([409, { code: 'needs_reconnect', connectUrl: 'https://auth.example.com/c' }])
  await t.rejects(backend.token('c1'), { code: 'needs_reconnect', problem: { connectUrl: String } })
  t.equal(asked.length, 1)
})

t.test('retries › no answer › one retry, then `offline`', async t => {
  const { backend, asked } = answering(new TypeError('fetch failed'), [200, { connection }])
  t.same(await backend.connections.get('c1'), connection)
  t.equal(asked.length, 2)
})

t.test('retries › an answer that is not guichet’s › `invalid_answer`', async t => {
  const { backend } = answering([502, ['a proxy']])
  await t.rejects(backend.connections.get('c1'), { code: 'invalid_answer', problem: { status: 502 } })
})

t.test('send › never without an Idempotency-Key, and each attempt with the same', async t => {
  const { backend, asked } = answering(
    new TypeError('reset'),
    [409, { code: 'in_progress' }, soon],
    [503, { code: 'send_outcome_unknown' }, soon],
    [200, { id: 'm', threadId: 't', labelIds: [] }]
  )
  t.match(await backend.gmail('c1').send({ to: ['a@example.com'], subject: 's', text: 't' }), { id: 'm' })
  const keys = asked.map(({ headers }) => headers.get('idempotency-key'))
  t.equal(keys.length, 4)
  t.equal(new Set(keys).size, 1)
  t.match(keys[0], /^[0-9a-f-]{36}$/)

  const own = answering([200, {}])
  await own.backend.gmail('c1').send({}, { idempotencyKey: 'invoice-7' })
  t.equal(own.asked[0]?.headers.get('idempotency-key'), 'invoice-7')
})

t.test('events › aborted › the wait ends with the abort’s reason', async t => {
  const { backend } = answering([200, { events: [], nextCursor: '0' }])
  const controller = new AbortController()
  const heard = (async () => {
    for await (const _ of backend.events({ signal: controller.signal })) t.fail('there is none')
  })()
  controller.abort(new Error('enough'))
  await t.rejects(heard, { message: 'enough' })
})
