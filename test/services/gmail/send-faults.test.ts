import type { FakeGoogle } from '@guichet/fake-google'
import { createCertificate } from '@guichet/fake-google/certificate'
import { gmailFault } from '@guichet/fake-google/gmail-errors'
import { startTlsDoor } from '@guichet/fake-google/tls-door'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { isProblem } from '../../helper.ts'
import { startSending } from './sending.ts'

type Fault = Parameters<FakeGoogle['fault']>[1]
type Sending = Awaited<ReturnType<typeof startSending>>

const all = Number.POSITIVE_INFINITY
/** The calls that hand a mail over to Gmail, with a key or without. */
const handsOver = ({ gmailMethod = '' }: { gmailMethod?: string | undefined }) =>
  ['messages.send', 'drafts.send'].includes(gmailMethod)
/** Faults that last until a call's time-out. The others run without the short time-out, which a busy machine could exceed. */
const isSlow = (name: string) => /no answer|in time/.test(name)
const kinds = [
  { kind: '', options: {}, isMeant: (name: string) => !isSlow(name) },
  { kind: ', without an answer', options: { environment: { GOOGLE_TIMEOUT_MS: '600' } }, isMeant: isSlow }
]
const asksWhatBecame = ({ gmailMethod, query }: { gmailMethod?: string | undefined; query: string }) =>
  gmailMethod === 'drafts.get' && query.includes('format=minimal')
const limitOfTheDay = gmailFault('tooManyRequests', { 'retry-after': '7200' }, 'Mail sending limit exceeded')
const unauthorized = gmailFault('authError')

/** Two of the four ways to send one mail, each with its own key and repeatable: one pair for even rows, one for odd. */
async function ways({ send, post }: Sending, subject: string, row: number) {
  const name = (way: string) => `${subject}, ${way}`
  const key = (way: string) => ({ 'idempotency-key': name(way).replace(/[^!-~]/g, '_') })
  const mail = (way: string) => ({ to: ['bob@example.com'], subject: name(way), text: 'Once.' })
  const mailed = (way: string, headers = {}) => ({ way, ask: () => send(mail(way), headers) })
  const drafted = async (way: string, headers = {}) => {
    const { id } = (await post('drafts', mail(way))).json()
    return { way, ask: () => post(`drafts/${id}/send`, undefined, headers) }
  }
  if (row % 2 === 0) return [mailed('a mail'), await drafted('a draft with a key', key('draft'))]
  return [mailed('a mail with a key', key('mail')), await drafted('a draft')]
}

/** Until the test ends, or the returned function is called, calls that send a mail go through `dispatch`. */
function diverting(t: Test, dispatch: (dispatch: Dispatcher['dispatch']) => Dispatcher['dispatch']): () => void {
  const direct = getGlobalDispatcher()
  const undo = () => setGlobalDispatcher(direct)
  t.teardown(undo)
  setGlobalDispatcher(
    direct.compose(onward => (options, handler) => {
      const isMeant = /\/(messages|drafts)\/send/.test(options.path)
      return (isMeant ? dispatch(onward) : onward)(options, handler)
    })
  )
  return undo
}
const elsewhere = (origin: string) => (onward: Dispatcher['dispatch']) => (options: never, handler: never) =>
  onward({ ...(options as Dispatcher.DispatchOptions), origin }, handler)

for (const { kind, options, isMeant } of kinds)
  t.test(
    `[G11][G13] send › fails before Gmail can have acted${kind} › the real error, and it may be sent again`,
    async t => {
      const world = await startSending(t, options)
      const { google, ada, gmail, clock } = world
      const grant = () => ada.connect({}, `/connect/gmail?connectionId=${gmail.split('/')[2]}`)
      const impostor = await startTlsDoor(t, google, createCertificate())
      const refused = (fault: Fault) => () => void google.fault('gmail', fault, { only: handsOver })
      const renewal = (fault: Fault) => () => {
        google.fault('gmail', unauthorized, { only: handsOver })
        google.fault('token', fault, all)
      }
      let undo = () => {}
      const causes: [name: string, cause: () => unknown, status: number, code: string, retryAfter?: string][] = [
        ['a pause', () => pause(), 429, 'google_rate_limited', '100'],
        [
          '429 for the rate',
          refused(gmailFault('tooManyRequests', { 'retry-after': '70' })),
          429,
          'google_rate_limited',
          '70'
        ],
        ['the limit of the day', refused(limitOfTheDay), 429, 'google_rate_limited', '7200'],
        ['403 for the rate', refused(gmailFault('userRateLimitExceeded')), 429, 'google_rate_limited'],
        ['403 for the scope', refused(gmailFault('insufficientPermissions')), 403, 'missing_scopes'],
        ['403 for the domain', refused(gmailFault('domainPolicy')), 403, 'forbidden'],
        ['403 for the project', refused(gmailFault('accessNotConfigured')), 503, 'google_misconfigured'],
        ['400', refused(gmailFault('invalidArgument')), 400, 'invalid_request'],
        ['no mailbox', refused(gmailFault('failedPrecondition')), 409, 'mailbox_unavailable'],
        ['409', refused(gmailFault('aborted')), 400, 'invalid_request'],
        ['413', refused({ status: 413, body: '<html>' }), 413, 'message_too_large'],
        ['a redirect', refused({ redirectTo: 'http://127.0.0.1:9/' }), 502, 'google_invalid_response'],
        ['401 twice', () => google.fault('gmail', unauthorized, { only: handsOver, times: 2 }), 409, 'needs_reconnect'],
        ['401, and the grant is gone', () => google.revokeGrant('ada@example.com'), 409, 'needs_reconnect'],
        ['401, and 500 at the renewal', renewal({ status: 500 }), 503, 'google_unavailable'],
        ['401, and no answer to the renewal', renewal({ hang: true }), 503, 'google_unavailable'],
        ['401, and a reset at the renewal', renewal({ reset: true }), 503, 'google_unavailable'],
        ['401, and nonsense at the renewal', renewal({ raw: '<html>' }), 502, 'google_invalid_response'],
        [
          'nobody listens',
          () => (undo = diverting(t, elsewhere('http://127.0.0.1:1') as never)),
          503,
          'google_unavailable'
        ],
        [
          'a certificate of nobody',
          () => (undo = diverting(t, elsewhere(impostor.origin) as never)),
          503,
          'google_unavailable'
        ],
        ['no connection in time', () => (undo = diverting(t, () => () => true)), 503, 'google_unavailable']
      ]
      async function pause(): Promise<void> {
        google.fault('gmail', gmailFault('userRateLimitExceeded', { 'retry-after': '100' }))
        await ada.fetch(`${gmail}/profile`)
      }
      const meant = causes.filter(([name]) => isMeant(name))
      for (const [row, [name, cause, status, code, retryAfter]] of meant.entries()) {
        for (const { way, ask } of await ways(world, name, row)) {
          await cause()
          const answer = await ask()
          t.equal(answer.statusCode, status, `${name}, ${way}: ${answer.body}`)
          isProblem(t, answer, status, code)
          if (retryAfter) t.equal(answer.headers['retry-after'], retryAfter, `${name}, ${way}`)
          else if (status === 429 || status === 503) t.ok(answer.headers['retry-after'], `${name}, ${way}`)
          google.clearFaults()
          undo()
          t.equal(sentOf(google, `${name}, ${way}`).length, 0, `${name}, ${way}: not sent`)
          clock.advance(1_000_000)
          if (code === 'needs_reconnect') await grant()
          const again = await ask()
          t.equal(again.statusCode, 200, `${name}, ${way}, again: ${again.body}`)
          t.equal(sentOf(google, `${name}, ${way}`).length, 1, `${name}, ${way}: sent once`)
        }
      }
      t.same(impostor.requests, [])
    }
  )

for (const { kind, options, isMeant } of kinds)
  t.test(`[G11][G13] send › fails when Gmail may have acted${kind} › told so, and a key settles it`, async t => {
    const world = await startSending(t, options)
    const { google, clock } = world
    const faults: [name: string, fault: Fault, isSent: boolean][] = [
      ['500', { status: 500 }, false],
      ['503 after it acted', { status: 503, when: 'after' }, true],
      ['a reset once all was written', { reset: true }, false],
      ['a reset after it acted', { reset: true, when: 'after' }, true],
      ['no answer in time', { hang: true }, false],
      ['no answer in time after it acted', { hang: true, when: 'after' }, true],
      ['an answer cut short', { cutAt: 5 }, true],
      ['an answer that is no JSON', { raw: '<html>' }, true],
      ['an answer that is an array', { raw: '[]' }, true]
    ]
    const meant = faults.filter(([name]) => isMeant(name))
    for (const [row, [name, fault, isSent]] of meant.entries()) {
      for (const { way, ask } of await ways(world, name, row)) {
        const hasKey = way.endsWith('with a key')
        google.fault('gmail', fault, { only: handsOver })
        // With a key Gmail is asked what became of it: that fails too.
        google.fault('gmail', gmailFault('backendError', { 'retry-after': '9' }), { only: asksWhatBecame, times: all })
        const handed = google.requestsTo('gmail').filter(handsOver).length
        const answer = await ask()
        isProblem(t, answer, hasKey ? 503 : 502, 'send_outcome_unknown')
        t.equal(answer.headers['retry-after'] !== undefined, hasKey, `${name}, ${way}: asking again settles it`)
        t.equal(google.requestsTo('gmail').filter(handsOver).length - handed, 1, `${name}, ${way}: handed over once`)
        google.clearFaults()
        t.equal(sentOf(google, `${name}, ${way}`).length, isSent ? 1 : 0, `${name}, ${way}`)
        clock.advance(1_000_000)
        if (!hasKey) continue
        const again = await ask()
        t.equal(again.statusCode, 200, `${name}, ${way}, again: ${again.body}`)
        t.same(
          sentOf(google, `${name}, ${way}`).map(({ id }) => id),
          [again.json().id],
          `${name}, ${way}: sent once`
        )
      }
    }
  })

t.test('[G13][G17] send › it ends before a large mail has left whole › told as what ended it', async t => {
  const { google, ada, gmail, send, account } = await startSending(t)
  const content = Buffer.alloc(1_000_000, 'x')
  const { id } = account.receive({
    from: 'c@example.org',
    subject: 'File',
    body: 'x',
    attachments: [{ filename: 'a', content }]
  })
  const mail = (subject: string) => ({ to: ['bob@example.com'], subject, text: 'x' })
  const referring = { attachments: [{ fromMessage: id, partId: '1' }] }
  const large = { attachments: [{ filename: 'large', content: Buffer.alloc(4_500_000).toString('base64') }] }
  const form = new FormData()
  form.append('message', JSON.stringify(mail('a form')))
  form.append('file', new Blob([content]), 'a')
  const whole = new Request('http://x/', { method: 'POST', body: form })
  const payload = Buffer.from(await whole.arrayBuffer())
  const headers = { 'content-type': whole.headers.get('content-type') ?? '' }
  const key = (key: string) => ({ 'idempotency-key': key })
  const post = (more = {}) =>
    ada.request({ method: 'POST', url: `${gmail}/messages/send`, payload, headers: { ...headers, ...more } })
  const file = { only: ({ gmailMethod = '' }: { gmailMethod?: string | undefined }) => /attachments/.test(gmailMethod) }
  const token = {
    only: ({ gmailMethod = '' }: { gmailMethod?: string | undefined }) => /send$|create$/.test(gmailMethod)
  }
  const cases: [subject: string, cause: () => unknown, ask: () => Promise<LightMyRequestResponse>][] = [
    [
      'a file',
      () => google.fault('gmail', { status: 503 }, { ...file, times: 2 }),
      () => send({ ...mail('a file'), ...referring })
    ],
    [
      'a file, key',
      () => google.fault('gmail', { status: 503 }, { ...file, times: 2 }),
      () => send({ ...mail('a file, key'), ...referring }, key('file'))
    ],
    ['cut', () => google.fault('gmail', { resetBeforeRead: true }), () => send({ ...mail('cut'), ...large })],
    [
      'cut, key',
      () => google.fault('gmail', { resetBeforeRead: true }),
      () => send({ ...mail('cut, key'), ...large }, key('cut'))
    ],
    ['a form', () => google.fault('gmail', unauthorized, token), () => post()],
    ['a form', () => google.fault('gmail', unauthorized, token), () => post(key('form'))]
  ]
  // After this the addresses are remembered, and the first call of each case is about the mail.
  await send(mail('first'))
  for (const [subject, cause, ask] of cases) {
    const before = sentOf(google, subject).length
    cause()
    const answer = await ask()
    isProblem(t, answer, 503, 'google_unavailable')
    t.ok(answer.headers['retry-after'], subject)
    google.clearFaults()
    t.equal(sentOf(google, subject).length, before, `${subject}: not sent`)
    t.equal((await ask()).statusCode, 200, `${subject}, again`)
    t.equal(sentOf(google, subject).length, before + 1, `${subject}: sent once`)
  }
  google.fault('gmail', gmailFault('tooManyRequests', { 'retry-after': '3' }), token)
  const limited = await post(key('another-form'))
  isProblem(t, limited, 429, 'google_rate_limited')
  t.equal(limited.headers['retry-after'], '3', 'the form is gone: waiting is for the app')
  t.same(account.drafts.list(), [])
})

function sentOf(google: FakeGoogle, subject: string) {
  return google.sent.filter(one => one.subject === subject)
}
