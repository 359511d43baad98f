import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { createBackend } from '../src/backend.ts'

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const other = `whsec_${Buffer.alloc(24, 8).toString('base64')}`
const event = { id: 'evt_1', type: 'connection.connected', createdAt: '2026-11-27T09:00:00.000Z', data: {} }

/** Signed by the reference library of Standard Webhooks. */
function deliver(body: string, at = new Date(), by = secret) {
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign('evt_1', at, body)
  }
  return { headers, body }
}

const backend = (webhookSecret: string | string[]) =>
  createBackend({ url: 'https://a.example', key: 'k', webhookSecret })

t.test('verifyWebhook › a Fetch or a Node request › gives the event', async t => {
  const { headers, body } = deliver(JSON.stringify(event))
  const request = new Request('https://app.example/hook', { method: 'POST', headers, body })
  t.same(await backend(secret).verifyWebhook(request), event)
  t.same(await backend(secret).verifyWebhook({ headers, body }), event)
  t.same(await backend(secret).verifyWebhook({ headers, body: Buffer.from(body) }), event)
  t.same(await backend([other, secret]).verifyWebhook({ headers, body }), event, 'any of the secrets, while rotated')
  const several = { ...headers, 'webhook-signature': `v1a,xxxx v1,AAAA ${headers['webhook-signature']}` }
  t.same(await backend(secret).verifyWebhook({ headers: several, body }), event)
})

t.test('verifyWebhook › changed, unsigned, another’s, old or ahead › webhook_invalid', async t => {
  const { headers, body } = deliver(JSON.stringify(event))
  const minutes = (count: number) => new Date(Date.now() + count * 60_000)
  for (const [name, request] of Object.entries({
    body: { headers, body: `${body} ` },
    id: { headers: { ...headers, 'webhook-id': 'evt_2' }, body },
    signature: { headers: { ...headers, 'webhook-signature': 'v1,' }, body },
    garbage: { headers: { ...headers, 'webhook-signature': 'v1,%%%' }, body },
    none: { headers: {}, body },
    timestamp: { headers: { ...headers, 'webhook-timestamp': 'NaN' }, body },
    secret: deliver(body, new Date(), other),
    old: deliver(body, minutes(-6)),
    ahead: deliver(body, minutes(6))
  }))
    await t.rejects(backend(secret).verifyWebhook(request), { code: 'webhook_invalid' }, name)
  await t.rejects(backend([]).verifyWebhook({ headers, body }), { code: 'webhook_invalid' }, 'no secret at all')
})
