import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { type Browser, enter } from '../../helper.ts'
import { bodyFor, fill, ownParameters, routesOf } from '../../http/routes.ts'

const html = { accept: 'text/html' }
/** What belongs to Google and guichet alone; a state and a nonce are in the URL that starts a flow. */
const secret = [
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'client_secret',
  'canary'
] as const
const bytesOf = ({ headers, body }: LightMyRequestResponse) => `${JSON.stringify(headers)}\n${body}`

t.test('[R47] leaks › every route, with a session › no answer holds a token, in any encoding', async t => {
  const world = await enter(t)
  const { app, google, signedIn } = world
  const owner = await signedIn()
  const parameters = await ownParameters(owner, google)
  const answered = new Map<string, number>()
  for (const route of routesOf(app)) {
    const request = { method: route.method, url: fill(route, parameters), ...bodyFor(route, parameters) }
    for (const headers of [{}, html]) {
      const response = await (await signedIn()).request({ ...request, headers })
      t.same(google.ledger.find(bytesOf(response), secret), [], `${route.method} ${route.url}`)
      if (headers !== html) answered.set(`${route.method} ${route.url}`, response.statusCode)
    }
  }
  for (const [route, status] of [
    ['GET /auth/session', 200],
    ['GET /auth/google', 200],
    ['GET /connect/:service', 200],
    ['GET /connections', 200],
    ['GET /connections/:id', 200],
    ['GET /connections/:id/gmail/profile', 200],
    ['GET /connections/:id/gmail/messages', 200],
    ['GET /connections/:id/gmail/messages/:messageId', 200],
    ['GET /connections/:id/gmail/messages/:messageId/attachments/:partId', 200],
    ['POST /connections/:id/gmail/messages/:messageId/modify', 200],
    ['POST /connections/:id/gmail/messages/batchModify', 204],
    ['DELETE /connections/:id', 200]
  ] as const)
    t.equal(answered.get(route), status, `${route} did answer`)
  t.ok(google.ledger.of('refresh_token').length > 0 && google.ledger.of('id_token').length > 0)
  t.same(google.violations, [])
})

t.test('[R47] leaks › callbacks, good and bad, fetched and navigated › no secret of Google in the answer', async t => {
  const { google, signedIn, browser } = await enter(t)
  const visit: [string, (browser: Browser, url: string) => Promise<LightMyRequestResponse>][] = [
    ['fetched', (one, url) => one.fetch(url)],
    ['navigated', (one, url) => one.navigate(url)]
  ]
  const everything = [...secret, 'state', 'nonce'] as const
  for (const [how, go] of visit) {
    const ada = browser()
    const signIn = await ada.authorize('/auth/google')
    t.same(google.ledger.find(bytesOf(await go(ada, signIn)), everything), [], `sign-in ${how}`)
    t.same(google.ledger.find(bytesOf(await go(ada, signIn)), everything), [], `sign-in ${how} again`)
    const connect = await ada.authorize('/connect/gmail')
    t.same(google.ledger.find(bytesOf(await go(ada, connect)), everything), [], `connect ${how}`)
    t.same(google.ledger.find(bytesOf(await go(ada, connect)), everything), [], `connect ${how} again`)
    const strangers = await go(await signedIn('bob@example.com'), connect)
    t.same(google.ledger.find(bytesOf(strangers), everything), [], `connect ${how} by another`)
    const denied = await ada.authorize('/connect/gmail', { deny: 'access_denied' })
    t.same(google.ledger.find(bytesOf(await go(ada, denied)), everything), [], `denied ${how}`)
    google.fault('token', { status: 400, body: { error: 'invalid_grant', error_description: google.canary } })
    const refused = await ada.authorize('/connect/gmail')
    t.same(google.ledger.find(bytesOf(await go(ada, refused)), everything), [], `refused ${how}`)
    google.fault('token', { mutate: answer => ({ ...answer, expires_in: 'soon' }) })
    const garbled = await ada.authorize('/connect/gmail')
    t.same(google.ledger.find(bytesOf(await go(ada, garbled)), everything), [], `garbled ${how}`)
  }
})

t.test('[R47] leaks › the scan › finds a token that is there', async t => {
  const { google, signedIn } = await enter(t)
  await (await signedIn()).connected()
  const [token] = google.ledger.of('refresh_token')
  for (const text of [token?.value ?? '', Buffer.from(`x${token?.value}`).toString('base64')])
    t.match(google.ledger.find(`{"answer":"${text}"}`, secret), [{ kind: 'refresh_token' }])
})
