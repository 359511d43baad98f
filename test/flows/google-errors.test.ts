import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { build, enter, type World } from '../helper.ts'
import { codeOf, doors, isRefused, ways, withParameters } from './doors.ts'

const canary = 'CANARYdescription'
const script = `<script>${canary}</script>`

/** Each `error=` and the code it becomes; what is not on the list says no more than that the request was wrong. */
const errors: Record<string, string> = {
  access_denied: 'access_denied',
  admin_policy_enforced: 'admin_policy_enforced',
  org_internal: 'org_internal',
  disallowed_useragent: 'disallowed_useragent',
  invalid_scope: 'invalid_scope',
  unauthorized_client: 'unauthorized_client',
  unsupported_response_type: 'unsupported_response_type',
  server_error: 'server_error',
  temporarily_unavailable: 'temporarily_unavailable',
  interaction_required: 'interaction_required',
  login_required: 'login_required',
  consent_required: 'consent_required',
  account_selection_required: 'account_selection_required',
  ...Object.fromEntries(
    [
      'unknown',
      'ACCESS_DENIED',
      'access_denied ',
      'internal',
      'flow_used',
      'unauthenticated',
      'constructor',
      '__proto__',
      'toString',
      script,
      `x\r\nset-cookie: ${canary}=1`,
      `x&status=connected&connection=${canary}`
    ].map(error => [error, 'invalid_request'])
  )
}

/** A world whose log can be read. */
async function logged(t: Test): Promise<{ world: World; log: () => string }> {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    }
  })
  return {
    world: await build(t, { environment: { LOG_LEVEL: 'trace' }, logger: { stream } }),
    log: () => lines.join('')
  }
}

for (const door of doors) {
  t.test(
    `[R18] error= › each becomes a fixed code and ends its flow, its text is not echoed: ${door.name}`,
    async t => {
      const { world, log } = await logged(t)
      const { google } = world
      const browser = await door.enter(world)
      const exchanges = google.calls('token')
      for (const [error, code] of Object.entries(errors)) {
        for (const way of ways) {
          world.clock.advance(1)
          t.comment(`${JSON.stringify(error)}, ${way}`)
          const callback = withParameters(
            await browser.authorize(`${door.start}?returnTo=/inbox`, { deny: 'access_denied' }),
            {
              error,
              error_description: script,
              error_uri: `https://evil.example/${canary}`,
              error_subtype: canary
            }
          )
          const response = await browser[way](callback)
          isRefused(t, response, 400, code, '/inbox')
          t.notMatch(response.body + JSON.stringify(response.headers), canary)
          t.notMatch(response.body, 'evil.example')

          isRefused(t, await browser[way](callback), 400, 'flow_used', '/inbox')
        }
      }
      t.equal(google.calls('token'), exchanges, 'no exchange')
      t.notOk(await door.isOpen(browser))
      t.match(log(), /"code":"access_denied"/, 'the log was read')
      t.notMatch(log(), canary)
      t.notMatch(log(), 'evil.example')
      t.same(google.violations, [])
    }
  )

  t.test(`[R18] error= › beside a code › the error counts, and the code is not exchanged: ${door.name}`, async t => {
    const world = await enter(t)
    const { google } = world
    const browser = await door.enter(world)
    const exchanges = google.calls('token')
    for (const way of ways) {
      const callback = await browser.authorize(door.start)
      isRefused(t, await browser[way](withParameters(callback, { error: 'access_denied' })), 400, 'access_denied')
      isRefused(t, await browser[way](callback), 400, 'flow_used')
    }
    t.equal(google.calls('token'), exchanges)
    t.notOk(await door.isOpen(browser))
  })

  t.test(`[R18] error= › without a state, or with a wrong one › Google's error is not shown: ${door.name}`, async t => {
    const world = await enter(t)
    const [browser, other] = [await door.enter(world), await door.enter(world)]
    const callback = await browser.authorize(door.start, { deny: 'access_denied', errorDescription: script })
    for (const way of ways) {
      isRefused(t, await browser[way](withParameters(callback, { state: undefined })), 400, 'invalid_request')
      isRefused(t, await browser[way](withParameters(callback, { state: 'x'.repeat(43) })), 400, 'flow_unknown')
      isRefused(t, await other[way](callback), 400, 'flow_wrong_session')
      for (const error of [[''], ['access_denied', 'access_denied'], ['x'.repeat(10_240)]]) {
        isRefused(t, await browser[way](withParameters(callback, { error })), 400, 'invalid_request')
      }
    }
    isRefused(t, await browser.fetch(callback), 400, 'access_denied')
    t.equal(codeOf(await browser.fetch(callback)), 'flow_used')
    t.same(world.google.violations, [])
  })
}
