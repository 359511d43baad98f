import t from 'tap'
import { collectionsOf, enter, isProblem } from '../../helper.ts'

const environment = { SIGN_IN_ALLOW: 'ada@example.com, @example.org, Eve@Mixed.Example, @kelvin.example' }
let subs = 0
const nextSub = () => `40000000000000000000${++subs}`

t.test('sign-in allow › everyone else › 403, no user, no session', async t => {
  const { browser, google, app } = await enter(t, { environment })
  for (const email of [
    'bob@example.com',
    'ada@example.com.evil.example',
    'ada@example.co',
    'xada@example.com',
    'ada+x@example.com',
    'a.da@example.com',
    'eve@sub.example.org',
    'eve@notexample.org',
    'eve@example.org.evil.example',
    'eve@example.organic',
    'example.org',
    '@example.org@evil.example',
    'eve@evil.example@example.org',
    'ada@example.com@example.org',
    '"eve@example.org"@evil.example',
    'eve@evil.example,ada@example.com',
    'eve@example.org ',
    ' ada@example.com',
    'eve@example.org\n',
    'eve@example.org.',
    'eve＠example.org',
    'аda@example.com',
    'eve@exаmple.org',
    'eve@\u212aelvin.example'
  ]) {
    const sub = nextSub()
    google.addUser({ sub, email, name: 'Eve' })
    const jar = browser()
    isProblem(t, await jar.signIn(sub), 403, 'sign_in_not_allowed')
    isProblem(t, await jar.fetch('/auth/session'), 401, 'unauthenticated')
    t.equal(await collectionsOf(app).users.countDocuments(), 0, `no row for ${JSON.stringify(email)}`)
  }
  t.same(google.violations, [])
})

t.test('sign-in allow › an address that Google has not verified › refused', async t => {
  const { browser, google, app } = await enter(t, { environment })
  for (const email of ['ada@example.com', 'eve@example.org']) {
    const sub = nextSub()
    google.addUser({ sub, email, name: 'Eve', emailVerified: false })
    isProblem(t, await browser().signIn(sub), 403, 'sign_in_not_allowed')
  }
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
})

t.test('sign-in allow › listed addresses and domains, in any case › allowed', async t => {
  const { browser, google } = await enter(t, { environment })
  for (const [email = '', hostedDomain] of [
    ['ada@example.com'],
    ['ADA@Example.COM'],
    ['anyone@example.org', 'example.org'],
    ['x@EXAMPLE.ORG', 'Example.Org'],
    // An address of the Workspace's second domain.
    ['x@sub.example', 'example.org'],
    ['eve@mixed.example']
  ]) {
    const sub = nextSub()
    google.addUser({ sub, email, name: 'One', ...(hostedDomain && { hostedDomain }) })
    const signedIn = await browser().signIn(sub)
    t.equal(signedIn.statusCode, 200, email)
  }
})

t.test('sign-in allow › a domain › its Workspace users, and no other account with such an address', async t => {
  const { browser, google } = await enter(t, { environment })
  for (const hostedDomain of [undefined, 'example.com', 'sub.example.org', 'example.org.', '']) {
    const sub = nextSub()
    google.addUser({
      sub,
      email: 'leaver@example.org',
      name: 'Leaver',
      ...(hostedDomain !== undefined && { hostedDomain })
    })
    isProblem(t, await browser().signIn(sub), 403, 'sign_in_not_allowed')
  }
  const sub = nextSub()
  google.addUser({ sub, email: 'leaver@example.org', name: 'Leaver' })
  google.nextIdToken({ claims: { hd: ['example.org'] } })
  isProblem(t, await browser().signIn(sub), 403, 'sign_in_not_allowed')
})

t.test('sign-in allow › gmail.com › consumer accounts, those of googlemail.com too', async t => {
  for (const domain of ['@gmail.com', '@googlemail.com', '@GMAIL.com']) {
    const { browser, google } = await enter(t, { environment: { SIGN_IN_ALLOW: domain } })
    for (const email of ['ada@gmail.com', 'ada@googlemail.com', 'Ada@GMail.com']) {
      const sub = nextSub()
      google.addUser({ sub, email, name: 'Ada' })
      t.equal((await browser().signIn(sub)).statusCode, 200, `${email} by ${domain}`)
    }
    const sub = nextSub()
    google.addUser({ sub, email: 'eve@example.org', name: 'Eve', hostedDomain: 'example.org' })
    isProblem(t, await browser().signIn(sub), 403, 'sign_in_not_allowed')
  }
})

t.test('sign-in allow › refused while navigating, or while signed in › says so and changes nothing', async t => {
  const { browser, signedIn } = await enter(t, { environment })
  const jar = browser()
  const callback = await jar.authorize('/auth/google?returnTo=/done', { as: 'bob@example.com' })
  t.equal((await jar.navigate(callback)).headers.location, '/done?status=sign_in_not_allowed')
  const ada = await signedIn()
  isProblem(t, await ada.signIn('bob@example.com'), 403, 'sign_in_not_allowed')
  t.equal((await ada.fetch('/auth/session')).json().user.email, 'ada@example.com')
})

t.test('sign-in allow › taken off the list › refused from the next sign-in on', async t => {
  const { signedIn, replica, browser } = await enter(t, { environment })
  await signedIn('ada@example.com')
  const stricter = await replica({ SIGN_IN_ALLOW: '@example.org' })
  isProblem(t, await browser(stricter).signIn('ada@example.com'), 403, 'sign_in_not_allowed')
})

t.test('sign-in allow › connecting › any account', async t => {
  const { signedIn } = await enter(t, { environment })
  const ada = await signedIn()
  t.match(await ada.connected({ as: 'bob@example.com' }), { account: { email: 'bob@example.com' } })
})

t.test('sign-in allow › empty › anyone with a Google account, verified or not', async t => {
  const { browser, google } = await enter(t)
  google.addUser({ sub: '500000000000000000001', email: 'eve@evil.example', name: 'Eve', emailVerified: false })
  t.equal((await browser().signIn('500000000000000000001')).statusCode, 200)
})
