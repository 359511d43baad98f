import { GuichetError } from './error.ts'
import type { Event } from './views.ts'

/** A request as Fetch has it, or as Node's frameworks do; the body as it came, before any parser. */
export type WebhookRequest =
  | Request
  | { headers: Headers | Record<string, string | string[] | undefined>; body: string | Uint8Array<ArrayBuffer> }

const toleranceSeconds = 300
const utf8 = new TextEncoder()

/**
 * The event that a request of guichet's brings, once its signature holds (Standard Webhooks) and it is at most five
 * minutes old.
 * @param secrets `whsec_…`, as in WEBHOOK_SECRETS; while they are rotated, all of them
 * @throws GuichetError `webhook_invalid`
 */
export async function verifyWebhook(request: WebhookRequest, secrets: string[], nowMs: number): Promise<Event> {
  const { headers } = request
  const header = (name: string) =>
    (headers instanceof Headers ? headers.get(name) : [headers[name]].flat().join(',')) ?? ''
  const [id, timestamp, signatures] = [header('webhook-id'), header('webhook-timestamp'), header('webhook-signature')]
  const body = request instanceof Request ? new Uint8Array(await request.arrayBuffer()) : toBytes(request.body)
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(nowMs / 1000 - Number(timestamp)) > toleranceSeconds)
    throw refuse('The timestamp is missing or too far from now.')
  const head = utf8.encode(`${id}.${timestamp}.`)
  const signed = new Uint8Array([...head, ...body])
  for (const secret of secrets) {
    const raw = fromBase64(secret.replace(/^whsec_/, ''))
    const key = raw && (await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']))
    if (!key) throw new TypeError('A webhook secret is whsec_ and base64.')
    for (const one of signatures.split(' ')) {
      const signature = one.startsWith('v1,') ? fromBase64(one.slice(3)) : undefined
      // WebCrypto compares in constant time.
      if (signature && (await crypto.subtle.verify('HMAC', key, signature, signed)))
        return JSON.parse(new TextDecoder().decode(body))
    }
  }
  throw refuse('No signature holds.')
}

function refuse(detail: string): GuichetError {
  return new GuichetError({ code: 'webhook_invalid', detail })
}

const toBytes = (body: string | Uint8Array<ArrayBuffer>) => (typeof body === 'string' ? utf8.encode(body) : body)

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
