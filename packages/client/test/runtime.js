import process from 'node:process'

/* Run by Node, Bun and Deno alike: what a backend does, against the guichet named in the environment. */
const {
  BACKEND = '',
  GUICHET_URL: url = '',
  KEY: key = '',
  CONNECTION = '',
  SECRET = '',
  DELIVERY = '{}'
} = process.env
const { createBackend } = await import(BACKEND)
const backend = createBackend({ url, key, webhookSecret: SECRET })

const [one, two] = await Promise.all([backend.token(CONNECTION), backend.token(CONNECTION)])
const listed = []
for await (const { id } of backend.connections.list({ service: 'gmail' })) listed.push(id)
const events = []
for await (const { type, cursor } of backend.events({ waitSeconds: 0 })) events.push([type, cursor])
const { url: link } = await backend.tickets.create({ externalId: 'u-17', service: 'gmail' })
const missing = await backend.connections.get('0'.repeat(24)).catch(({ name, code }) => `${name} ${code}`)
const { headers, body } = JSON.parse(DELIVERY)
const delivered = await backend.verifyWebhook(
  new Request('https://app.example/hook', { method: 'POST', headers, body })
)

console.log(JSON.stringify({ one, two, listed, events, link, missing, delivered: delivered.id }))
