import { createBackend, GuichetError } from '@guichet/client/backend'
import express from 'express'

const { GUICHET_URL = 'http://localhost:3000', GUICHET_KEY = '', WEBHOOK_SECRET = '', PORT = '4000' } = process.env
const guichet = createBackend({ url: GUICHET_URL, key: GUICHET_KEY, webhookSecret: WEBHOOK_SECRET })
const app = express()

/** Your own session knows who this is; here a header says so. */
const userOf = request => request.get('x-user') ?? 'u-17'

/** The link by which your user comes to guichet, and from there to Google. */
app.get('/connect', async (request, response) => {
  const { url } = await guichet.tickets.create({ externalId: userOf(request), service: 'gmail' })
  response.redirect(303, url)
})

app.get('/mail', async (request, response) => {
  for await (const { id } of guichet.connections.list({ externalId: userOf(request), service: 'gmail' })) {
    const { items } = await guichet.gmail(id).list({ view: 'summary', limit: 5 })
    return response.json({ subjects: items.map(({ subject }) => subject) })
  }
  response.json({ subjects: [], connect: '/connect' })
})

// A signature is over the body as it came: no JSON parser before it.
app.post('/hooks/guichet', express.raw({ type: 'application/json' }), async (request, response) => {
  const event = await guichet.verifyWebhook(request)
  // At least once: deal with each id once.
  console.log('guichet says', event.id, event.type)
  response.status(204).end()
})

app.use((error, _request, response, next) => {
  if (!(error instanceof GuichetError)) return next(error)
  // needs_reconnect and missing_scopes are mended by the user, with a new ticket.
  response.status(error.code === 'webhook_invalid' ? 400 : 502).json({ code: error.code, connect: '/connect' })
})

app.listen(Number(PORT), () => console.log(`listening at http://localhost:${PORT}`))
