import { createBackend, GuichetError } from '@guichet/client/backend'
import Fastify from 'fastify'

const { GUICHET_URL = 'http://localhost:3000', GUICHET_KEY = '', WEBHOOK_SECRET = '', PORT = '4000' } = process.env
const guichet = createBackend({ url: GUICHET_URL, key: GUICHET_KEY, webhookSecret: WEBHOOK_SECRET })
const app = Fastify({ logger: true })

// A signature is over the body as it came.
app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))

/** Your own session knows who this is; here a header says so. */
const userOf = request => String(request.headers['x-user'] ?? 'u-17')

/** The link by which your user comes to guichet, and from there to Google. */
app.get('/connect', async (request, reply) => {
  const { url } = await guichet.tickets.create({ externalId: userOf(request), service: 'gmail' })
  return reply.redirect(url, 303)
})

app.get('/mail', async request => {
  for await (const { id } of guichet.connections.list({ externalId: userOf(request), service: 'gmail' })) {
    const { items } = await guichet.gmail(id).list({ view: 'summary', limit: 5 })
    return { subjects: items.map(({ subject }) => subject) }
  }
  return { subjects: [], connect: '/connect' }
})

app.post('/hooks/guichet', async (request, reply) => {
  const event = await guichet.verifyWebhook(request)
  // At least once: deal with each id once.
  request.log.info({ event: event.id, type: event.type }, 'guichet says')
  return reply.code(204).send()
})

app.setErrorHandler((error, request, reply) => {
  if (!(error instanceof GuichetError)) throw error
  request.log.warn({ code: error.code, requestId: error.problem.requestId }, 'guichet refused')
  // needs_reconnect and missing_scopes are mended by the user, with a new ticket.
  return reply.code(error.code === 'webhook_invalid' ? 400 : 502).send({ code: error.code, connect: '/connect' })
})

await app.listen({ port: Number(PORT) })
