import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { Agent, fetch } from 'undici'
import { createAddressGuard } from '../../config/networks.ts'
import { countRefused, listParked, receiverCollection } from '../../events/delivery.ts'
import { eventCollection } from '../../events/event-list.ts'
import { createGuardedLookup } from '../../events/public-address.ts'
import { type Check, type Finding, fault, notChecked, ok, warning } from './finding.ts'

const timeoutMs = 20_000

/** Sends the receiver a signed event of the type `guichet.test`, which it should take and forget. */
export const checkWebhook: Check = async ({ config: { webhook }, database, clock }) => {
  if (!webhook) return [notChecked('WEBHOOK_URL is not set')]
  const events = database.collection(eventCollection)
  const findings = [await deliver(webhook, new Date(clock.nowMs()))]
  const refused = await countRefused(events, database.collection(receiverCollection), webhook.url)
  if (refused > 0) {
    const found = `the receiver once answered 410: ${refused} events wait`
    findings.push(warning(found, 'Once it wants them again: «guichet events resume».'))
  }
  const parked = (await listParked(events)).length
  if (parked > 0) findings.push(warning(`${parked} events were given up`, '«guichet events replay» sends them again.'))
  return findings
}

async function deliver(
  { url, secrets, allowPrivate }: { url: string; secrets: string[]; allowPrivate: string[] },
  now: Date
): Promise<Finding> {
  const lookup = createGuardedLookup(createAddressGuard(allowPrivate))
  const dispatcher = new Agent({ connect: { lookup, timeout: timeoutMs } })
  const id = `evt_${randomUUID()}`
  const timestamp = now.toISOString()
  const body = JSON.stringify({ id, type: 'guichet.test', timestamp, createdAt: timestamp, data: {} })
  try {
    const { status, ok: isTaken } = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': secrets.map(secret => new Webhook(secret).sign(id, now, body)).join(' ')
      }
    })
    if (isTaken) return ok('the webhook took a signed test event')
    const remedy =
      status === 400 || status === 401 || status === 403
        ? 'The receiver must verify with one of WEBHOOK_SECRETS, over the body as it came.'
        : 'It must answer 2xx at this very URL: redirects are not followed.'
    return fault(`the webhook answered a signed test event with ${status}`, remedy)
  } catch {
    return fault(
      'the webhook could not be reached',
      'Check its name, TLS and firewall; a private address needs WEBHOOK_ALLOW_PRIVATE.'
    )
  } finally {
    await dispatcher.destroy()
  }
}
