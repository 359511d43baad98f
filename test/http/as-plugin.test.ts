import Fastify from 'fastify'
import t from 'tap'
import { guichet } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { build } from '../helper.ts'
import { captureLog } from '../observability/capture.ts'

t.test('as a plugin in any Fastify app › HEAD uses no callback up, and the log holds no secret', async t => {
  const { environment, clock, google, browser } = await build(t)
  const log = captureLog()
  // What hosts usually have: request logging and HEAD routes, both Fastify's own.
  const app = Fastify({ logger: log.logger })
  await app.register(guichet, { ...parseConfig(environment), clock })
  t.teardown(() => app.close())
  await app.ready()
  const ada = browser(app)
  await ada.signIn()
  const callback = await ada.authorize('/connect/gmail')
  const exchanged = google.calls('token')
  t.equal((await ada.request({ method: 'HEAD', url: callback })).statusCode, 405)
  t.equal(google.calls('token'), exchanged)
  t.equal((await ada.fetch(callback)).statusCode, 200)
  t.ok(log.lines().length > 5)
  t.same(google.ledger.find(log.text()), [])
  t.same(google.violations, [])
})
