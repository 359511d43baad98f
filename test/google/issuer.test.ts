import t, { type Test } from 'tap'
import { createEndpoints } from '../../src/google/endpoints.ts'
import { codeOf, type Door, doors, isRefused, ways, withParameters } from '../flows/doors.ts'
import { build, type World } from '../helper.ts'

/** Issuers that look similar. */
function wrongIssuers(issuer: string): Record<string, string> {
  const { host } = new URL(issuer)
  return {
    'without a scheme': host,
    'another scheme': issuer.replace('http:', 'https:'),
    evil: 'https://evil.example',
    'a trailing slash': `${issuer}/`,
    'a trailing dot': `${issuer}.`,
    'a prefix': issuer.slice(0, -1),
    'a longer host': `${issuer}.evil.example`,
    userinfo: issuer.replace('//', '//evil@'),
    'a path': `${issuer}/o/oauth2`,
    'a space': ` ${issuer}`,
    capitals: issuer.toUpperCase(),
    "Google's own": 'https://accounts.google.com',
    empty: ''
  }
}

/** A world whose issuer does not say that it sends `iss`. */
async function silent(world: World): Promise<World> {
  world.google.issParameterSupported = false
  const app = await world.replica()
  return {
    ...world,
    app,
    browser: at => world.browser(at ?? app),
    async signedIn(as) {
      const browser = world.browser(app)
      await browser.signIn(as)
      return browser
    }
  }
}

async function refusesWrongOnes(t: Test, world: World, door: Door): Promise<void> {
  const { google } = world
  const browser = await door.enter(world)
  const callback = await browser.authorize(door.start)
  const denied = await browser.authorize(door.start, { deny: 'access_denied' })
  const exchanges = google.calls('token')
  for (const [what, iss] of Object.entries(wrongIssuers(google.issuer))) {
    for (const answer of [callback, denied]) {
      for (const way of ways) {
        t.comment(`${what}, ${answer === denied ? 'error' : 'code'}, ${way}`)
        isRefused(t, await browser[way](withParameters(answer, { iss })), 400, 'iss_mismatch')
      }
    }
  }
  for (const iss of [
    [google.issuer, google.issuer],
    [google.issuer, 'https://evil.example'],
    ['https://evil.example', google.issuer],
    [google.issuer, '']
  ]) {
    for (const answer of [callback, denied]) {
      for (const way of ways) {
        isRefused(t, await browser[way](withParameters(answer, { iss })), 400, 'invalid_request')
      }
    }
  }
  t.equal(google.calls('token'), exchanges, 'no exchange before the issuer is known')
  t.notOk(await door.isOpen(browser))

  isRefused(t, await browser.fetch(denied), 400, 'access_denied')
  t.equal(codeOf(await browser.fetch(callback)), undefined, 'the right one succeeds')
  t.equal(google.calls('token'), exchanges + 1)
  t.same(google.violations, [])
}

for (const door of doors) {
  t.test(`[R7] iss › a wrong one › refused before the exchange: ${door.name}`, async t => {
    await refusesWrongOnes(t, await build(t), door)
  })

  t.test(`[R7] iss › a wrong one, though the metadata announce none › refused: ${door.name}`, async t => {
    await refusesWrongOnes(t, await silent(await build(t)), door)
  })

  t.test(`[R7] iss › missing, though the metadata announce it › refused: ${door.name}`, async t => {
    const world = await build(t)
    const { google } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start, { iss: null })
    const denied = await browser.authorize(door.start, { iss: null, deny: 'access_denied' })
    const exchanges = google.calls('token')
    for (const answer of [callback, denied]) {
      for (const way of ways) isRefused(t, await browser[way](answer), 400, 'iss_mismatch')
    }
    t.equal(google.calls('token'), exchanges)
    t.notOk(await door.isOpen(browser))
  })

  t.test(`[R7] iss › missing, and the metadata do not announce it › accepted: ${door.name}`, async t => {
    const world = await silent(await build(t))
    const browser = await door.enter(world)
    // Signing in itself went through a callback that has it.
    isRefused(t, await browser.connect({ iss: null, deny: 'access_denied' }, door.start), 400, 'access_denied')
    t.equal(codeOf(await browser.connect({ iss: null }, door.start)), undefined)
    t.ok(await door.isOpen(browser))
    t.same(world.google.violations, [])
  })
}

t.test("[R7] iss › Google's own is fixed, and needs no discovery", async t => {
  const endpoints = createEndpoints('https://accounts.google.com', () => Promise.reject(new Error('no network')))
  t.match(await endpoints(), { issuer: 'https://accounts.google.com', issParameterSupported: false })
})
