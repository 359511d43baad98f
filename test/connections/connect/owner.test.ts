import t from 'tap'
import { collectionsOf, enter, isProblem } from '../../helper.ts'

t.test('[R23] owner › another user finishes in the same browser › nobody gets the connection', async t => {
  for (const signsOut of [true, false]) {
    for (const how of ['fetch', 'navigate'] as const) {
      const { signedIn, google, app } = await enter(t)
      const jar = await signedIn('ada@example.com')
      const callback = await jar.authorize('/connect/gmail?returnTo=/done')
      if (signsOut) await jar.fetch('/auth/session', 'DELETE')
      await jar.signIn('bob@example.com')
      const exchanges = google.calls('token')

      const response = await jar[how](callback)
      if (how === 'fetch') isProblem(t, response, 400, 'flow_wrong_session')
      else t.equal(response.headers.location, '/?status=flow_wrong_session')
      t.equal(google.calls('token'), exchanges, 'the code is not used')
      t.same((await jar.fetch('/connections')).json(), { connections: [] }, 'not B')
      t.same((await (await signedIn('ada@example.com')).fetch('/connections')).json(), { connections: [] }, 'not A')
      t.equal(await collectionsOf(app).connections.countDocuments(), 0)
    }
  }
})

t.test('[R23] owner › the same user signs in again in another tab › the pending connect can finish', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail?returnTo=/inbox')
  for (let tab = 0; tab < 3; tab++) await ada.signIn('ada@example.com')
  t.match((await ada.navigate(callback)).headers.location, /^\/inbox\?status=connected&/)
  t.same(google.violations, [])
})

t.test('[R23][R38] owner › another user signs in over the session › the pending connect is refused', async t => {
  const { signedIn, google } = await enter(t)
  const jar = await signedIn()
  const callback = await jar.authorize('/connect/gmail')
  const exchanges = google.calls('token')
  await jar.signIn('bob@example.com')
  isProblem(t, await jar.fetch(callback), 400, 'flow_wrong_session')
  await jar.signIn('ada@example.com')
  isProblem(t, await jar.fetch(callback), 400, 'flow_wrong_session')
  t.equal(google.calls('token'), exchanges + 2, 'for the sign-ins alone')
  t.same((await jar.fetch('/connections')).json(), { connections: [] })
})

t.test(
  '[R38] owner › signed out in between › the pending connect is refused, for whichever user signs in next',
  async t => {
    const { signedIn } = await enter(t)
    const ada = await signedIn()
    const callback = await ada.authorize('/connect/gmail')
    await ada.fetch('/auth/session', 'DELETE')
    await ada.signIn('ada@example.com')
    isProblem(t, await ada.fetch(callback), 400, 'flow_wrong_session')
  }
)

t.test('[R24] owner › another user named in a start’s query › ignored', async t => {
  const { signedIn, app } = await enter(t)
  const [ada, bob] = [await signedIn(), await signedIn('bob@example.com')]
  const adasId = (await ada.fetch('/auth/session')).json().user.id
  for (const name of ['userId', 'user_id', 'sub', 'owner', 'externalId', 'user[id]', 'session'])
    t.equal((await bob.fetch(`/connect/gmail?${encodeURIComponent(name)}=${adasId}`)).statusCode, 200)
  const bobsId = (await bob.fetch('/auth/session')).json().user.id
  t.same((await collectionsOf(app).flows.distinct('userId', { purpose: 'connect' })).map(String), [bobsId])
})

t.test('[R24] owner › another user named in the callback’s query, body or state › ignored', async t => {
  const { signedIn, app, google } = await enter(t)
  const [ada, bob] = [await signedIn(), await signedIn('bob@example.com')]
  const idOf = async (browser: typeof ada) => (await browser.fetch('/auth/session')).json().user.id as string
  const [adasId, bobsId] = [await idOf(ada), await idOf(bob)]

  const callback = await bob.authorize('/connect/gmail', { as: 'bob@example.com' })
  const named = new URLSearchParams({ userId: adasId, user_id: adasId, owner: adasId, sub: '100000000000000000001' })
  const state = new URL(callback, 'http://localhost:3000').searchParams.get('state') ?? ''
  for (const forged of [
    `${state}.${adasId}`,
    `${state}${adasId}`,
    Buffer.from(`{"userId":"${adasId}"}`).toString('base64url')
  ]) {
    const response = await bob.fetch(callback.replace(state, forged))
    t.equal(response.statusCode, 400)
    t.match(response.json().code, /^(flow_unknown|invalid_request)$/)
  }
  const response = await bob.request({
    method: 'GET',
    url: `${callback}&${named}`,
    headers: { 'content-type': 'application/json', 'x-user-id': adasId },
    payload: { userId: adasId, owner: adasId }
  })
  t.match(response.json(), { connection: { userId: bobsId, account: { email: 'bob@example.com' } } })
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
  const owners = await collectionsOf(app).connections.distinct('userId')
  t.same(owners.map(String), [bobsId])
  t.same(google.violations, [])
})

t.test('[R24] owner › another user named in a write’s body or query › refused', async t => {
  const { signedIn, google } = await enter(t)
  const [ada, bob] = [await signedIn(), await signedIn('bob@example.com')]
  const { id: adas } = await ada.connected()
  const { id: bobs } = await bob.connected({ as: 'bob@example.com' })
  const [message] = google.user('bob@example.com').messages
  for (const more of [{ userId: 'ada@example.com' }, { owner: 'ada@example.com' }, { connectionId: adas }]) {
    const url = `/connections/${bobs}/gmail/messages/${message?.id}/modify`
    isProblem(t, await bob.fetch(url, 'POST', { addLabels: ['STARRED'], ...more }), 400, 'invalid_request')
    const query = new URLSearchParams(more)
    isProblem(t, await bob.fetch(`/connections/${bobs}/gmail/messages?${query}`), 400, 'invalid_request')
    await bob.fetch(`/connections/${bobs}/gmail/profile?${query}`)
    await bob.fetch(`/connections?${query}`)
  }
  t.ok(google.requestsTo('gmail').every(({ path }) => path.startsWith('/gmail/v1/users/me/')))
  isProblem(t, await bob.fetch(`/connections/${adas}`), 404, 'not_found')
  t.same(
    (await bob.fetch('/connections')).json().connections.map((own: { id: string }) => own.id),
    [bobs]
  )
})
