import t from 'tap'
import { type Door, doors, isRefused, ways } from '../flows/doors.ts'
import { type Browser, enter, type World } from '../helper.ts'
import { allowed, environment, listedOrigin, originOf, ours, payloads, publicOrigin } from './redirect-payloads.ts'

/** The faults of a start with this query, if any; an accepted one is followed to its end. */
async function faultOf(
  world: World,
  door: Door,
  browser: Browser,
  { query, isForeign = false }: { query: string; isForeign?: boolean }
): Promise<string | undefined> {
  world.clock.advance(1)
  const { location: next = '' } = (await browser.navigate(`${door.start}?${query}`)).headers
  if (next === '/?status=invalid_request') return undefined
  if (!next.startsWith(`${world.google.issuer}/`)) return `started at ${next}`
  if (isForeign) return 'another site was taken'
  const answer = new URL(world.google.consent(next, { deny: 'access_denied' }))
  const { statusCode, headers } = await browser.navigate(answer.pathname + answer.search)
  if (statusCode !== 303) return `ended: ${statusCode}`
  if (/[^\x21-\x7e]/.test(headers.location ?? '')) return 'characters in Location that browsers treat each in its way'
  if (!ours.includes(originOf(headers.location))) return `ended at ${headers.location}`
  return undefined
}

t.test('[R19] returnTo › the list holds at least 500 payloads, most of which would lead to other sites', async t => {
  t.ok(payloads.length >= 500, `${payloads.length}`)
  const foreign = payloads.filter(payload => !ours.includes(originOf(payload)))
  t.ok(foreign.length >= 500, `${foreign.length}`)
})

for (const door of doors) {
  t.test(`[R19] returnTo › no payload leads to another site: ${door.name}`, async t => {
    const world = await enter(t, { environment })
    const browser = await door.enter(world)
    const faults: string[] = []
    for (const payload of payloads) {
      const isForeign = !ours.includes(originOf(payload))
      const escaped = `returnTo=${encodeURIComponent(payload)}`
      const typed = `returnTo=${payload.replace(/[\s#&]/g, encodeURIComponent)}`
      const fault = await faultOf(world, door, browser, { query: escaped, isForeign })
      if (fault) faults.push(`${JSON.stringify(payload)} escaped: ${fault}`)
      // A value that contains escapes becomes another value if it is not escaped.
      if (new URLSearchParams(typed).get('returnTo') === payload) continue
      const other = await faultOf(world, door, browser, { query: typed })
      if (other) faults.push(`${JSON.stringify(payload)} as typed: ${other}`)
    }
    t.same(faults, [])
    t.same(world.google.violations, [])
  })

  t.test(`[R19] returnTo › local paths and listed origins are accepted, and reached: ${door.name}`, async t => {
    const world = await enter(t, { environment })
    const browser = await door.enter(world)
    for (const [returnTo, end] of Object.entries(allowed)) {
      const callback = await browser.authorize(`${door.start}?returnTo=${encodeURIComponent(returnTo)}`, {
        deny: 'access_denied'
      })
      t.equal((await browser.navigate(callback)).headers.location, end, returnTo)
    }
    const done = await browser.authorize(`${door.start}?returnTo=${encodeURIComponent(`${listedOrigin}/app?x=1`)}`)
    const { location = '' } = (await browser.navigate(done)).headers
    t.ok(location.startsWith(`${listedOrigin}/app?x=1`), location)
    t.same(world.google.violations, [])
  })

  t.test(`[R19] returnTo › given twice or under another name › refused or ignored: ${door.name}`, async t => {
    const world = await enter(t, { environment })
    const browser = await door.enter(world)
    for (const query of [
      'returnTo=/&returnTo=https://evil.example',
      'returnTo=https://evil.example&returnTo=/',
      'returnTo=https://evil.example&next=/'
    ]) {
      for (const way of ways) isRefused(t, await browser[way](`${door.start}?${query}`), 400, 'invalid_request')
    }
    const others = [
      ...['returnTo[]', 'returnTo[0]'],
      ...[
        'return_to',
        'returnto',
        'ReturnTo',
        'returnUrl',
        'return',
        'next',
        'redirect',
        'redirect_uri',
        'redirectUrl'
      ],
      ...['rd', 'url', 'callback', 'callbackUrl', 'continue', 'dest', 'destination', 'goto', 'target', 'to', 'state']
    ]
    const query = others.map(name => `${name}=https://evil.example`).join('&')
    const end = await browser.navigate(await browser.authorize(`${door.start}?${query}`, { deny: 'access_denied' }))
    t.equal(end.headers.location, '/?status=access_denied', 'other names are no returnTo')
    for (const name of ['returnTo', 'return_to', 'next', 'redirect', 'redirect_uri', 'RelayState', 'continue']) {
      const callback = await browser.authorize(`${door.start}?returnTo=/inbox`, { deny: 'access_denied' })
      const back = await browser.navigate(`${callback}&${name}=${encodeURIComponent('https://evil.example')}`)
      t.equal(back.headers.location, '/inbox?status=access_denied', `${name} at the callback changes nothing`)
    }
  })
}

t.test('[R19] returnTo › a connect without a session › checked before sign-in starts', async t => {
  const { browser, google } = await enter(t, { environment })
  const faults: string[] = []
  for (const payload of payloads.filter((_, position) => position % 5 === 0)) {
    const { statusCode, headers } = await browser().navigate(`/connect/gmail?returnTo=${encodeURIComponent(payload)}`)
    if (statusCode !== 303 || originOf(headers.location) !== publicOrigin)
      faults.push(`${payload}: ${headers.location}`)
  }
  t.same(faults, [])

  const asked = await browser().navigate(`/connect/gmail?returnTo=${encodeURIComponent('https://evil.example')}`)
  isRefused(t, asked, 400, 'invalid_request')
  t.same(google.violations, [])
})
