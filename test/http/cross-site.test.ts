import type { InjectOptions } from 'fastify'
import t from 'tap'
import { type Browser, enter, isProblem, type World } from '../helper.ts'
import { bodyFor, fill, ownParameters, type Parameters, type Route, routesOf } from './routes.ts'

const listed = 'https://app.example.com'
const environment = { ALLOWED_ORIGINS: listed }
const evil = { origin: 'https://evil.example' }
const form = 'application/x-www-form-urlencoded'

/** Every write that a session cookie opens; `POST /start` is the one route that takes a form. */
function writesOf({ app }: World): Route[] {
  const writes = routesOf(app).filter(({ url }) => !/^\/(v1|start)\b/.test(url))
  return writes.filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method))
}

/** The state that writes would change, at Google and for the user. */
async function stateOf({ google }: World, ada: Browser) {
  const { messages } = google.user('ada@example.com')
  return {
    session: (await ada.fetch('/auth/session')).statusCode,
    connections: (await ada.fetch('/connections')).json().connections.map(({ id }: { id: string }) => id),
    labels: messages.map(({ labelIds }) => labelIds),
    written: google.requestsTo('gmail').filter(({ method }) => method !== 'GET').length,
    revoked: google.calls('revoke')
  }
}

const asSent = (route: Route, parameters: Parameters): InjectOptions => ({
  method: route.method,
  url: fill(route, parameters),
  ...bodyFor(route, parameters)
})

t.test('[R49] cross-site › every write, sent from another site › 403 cross_site and nothing changed', async t => {
  const world = await enter(t, { environment })
  const ada = await world.signedIn()
  const parameters = await ownParameters(ada, world.google)
  const before = await stateOf(world, ada)
  t.match(before, { session: 200, connections: [parameters.id] })
  const writes = writesOf(world)
  t.ok(writes.length >= 7, 'the list is not empty')
  for (const route of writes) {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': '' },
      { 'sec-fetch-site': 'same-origin, cross-site' },
      { 'sec-fetch-site': 'Same-Origin' },
      { 'sec-fetch-site': 'cross-site', ...evil },
      { 'sec-fetch-site': 'same-site', ...evil },
      { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:3000' },
      { 'sec-fetch-site': 'cross-site', origin: 'null' },
      evil,
      { origin: 'null' },
      { origin: '' },
      { origin: 'https://localhost:3000' },
      { origin: 'http://localhost:3001' },
      { origin: `${listed}.evil.example` },
      { origin: `${listed}/` }
    ]) {
      const response = await ada.request({ ...asSent(route, parameters), headers })
      t.equal(response.statusCode, 403, `${route.method} ${route.url} with ${JSON.stringify(headers)}`)
      isProblem(t, response, 403, 'cross_site')
    }
  }
  t.same(await stateOf(world, ada), before)
})

const mailForms = /\/gmail\/(messages\/send|drafts(\/:draftId(\/send)?)?)$/
const pageForms = new Set(['/disconnect', '/delete-account', '/sign-out'])

t.test('[R49] cross-site › every write as a form, as text or as broken JSON › refused, nothing changes', async t => {
  const world = await enter(t, { environment })
  const ada = await world.signedIn()
  const parameters = await ownParameters(ada, world.google)
  const before = await stateOf(world, ada)
  // The pages' own forms are the ones that are taken: Sec-Fetch-Site and Origin guard them, as they do every write.
  for (const route of writesOf(world).filter(({ url }) => !pageForms.has(url))) {
    const url = fill(route, parameters)
    for (const type of [form, 'text/plain', 'multipart/form-data; boundary=x', 'text/plain; application/json']) {
      for (const payload of ['', '_method=DELETE', '{"addLabels":["STARRED"]}']) {
        // A page can send a POST without a preflight. The write's own method must not accept these types either.
        for (const method of ['POST', route.method] as const) {
          const headers = { 'content-type': type, 'x-http-method-override': 'DELETE' }
          const response = await ada.request({ method, url, payload, headers })
          const what = `${method} ${route.url} as ${type} holding ${payload.length} bytes`
          // A mail with files comes as such a form: this one holds none, and Sec-Fetch-Site guards it as every write.
          const isMail = type.startsWith('multipart') && mailForms.test(route.url)
          t.ok([404, 405, isMail ? 400 : 415].includes(response.statusCode), `${what}: ${response.statusCode}`)
        }
      }
    }
  }
  t.same(await stateOf(world, ada), before)
})

t.test('[R49] cross-site › GET, HEAD and OPTIONS with any headers › write nothing', async t => {
  const world = await enter(t, { environment })
  const ada = await world.signedIn()
  const parameters = await ownParameters(ada, world.google)
  const before = await stateOf(world, ada)
  const reads = routesOf(world.app).filter(({ method }) => method === 'GET')
  /** Where the path has a read too, GET is that, and HEAD where it is a page's; nothing else has an answer. */
  const answersTo = (method: string, { url }: Route) => {
    if (method === 'OPTIONS' || (method === 'HEAD' && !pageForms.has(url))) return [405]
    if (reads.some(read => read.url === url)) return [200, 400, 404]
    // To GET it is a message of that name, which Google does not have.
    return /\/messages\/(batchModify|get|send)$/.test(url) ? [404, 400] : [405]
  }
  for (const route of writesOf(world)) {
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
      for (const query of ['', '?_method=DELETE', '?method=POST']) {
        const headers = { 'x-http-method-override': route.method, 'x-method-override': route.method }
        const response = await ada.request({ method, url: fill(route, parameters) + query, headers })
        const what = `${method} ${route.url}${query} for ${route.method}: ${response.statusCode}`
        t.ok(answersTo(method, route).includes(response.statusCode), what)
      }
    }
  }
  t.same(await stateOf(world, ada), before)
})

t.test('[R49] cross-site › our own pages, listed frontends and clients other than browsers › allowed', async t => {
  const world = await enter(t, { environment })
  const ada = await world.signedIn()
  for (const headers of [
    {},
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:3000' },
    { 'sec-fetch-site': 'same-site', origin: listed },
    { 'sec-fetch-site': 'cross-site', origin: listed },
    { origin: 'http://localhost:3000' },
    { origin: listed }
  ]) {
    const { id } = await ada.connected()
    const response = await ada.request({ method: 'DELETE', url: `/connections/${id}`, headers })
    t.same(response.json(), { id, revoked: 'confirmed' }, JSON.stringify(headers))
  }
  t.same(world.google.violations, [])
})
