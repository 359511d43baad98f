import t, { type Test } from 'tap'
import { build, collectionsOf, enter, type World } from './helper.ts'

async function isAsNew(t: Test, { app, google, signedIn }: World): Promise<void> {
  const { meta: _, ...collections } = collectionsOf(app)
  for (const [name, collection] of Object.entries(collections)) t.equal(await collection.countDocuments(), 0, name)
  t.same([google.requests.length, google.ledger.of('code').length, google.sent.length], [0, 0, 0])
  t.equal(google.rotateRefreshTokens, false)
  t.ok(await (await signedIn()).connected(), 'and it works')
}

t.test('enter › a test that left much behind › the next finds nothing of it', async t => {
  let left: World | undefined
  await t.test('leaves', async t => {
    left = await enter(t)
    await (await left.signedIn()).connected()
    left.google.rotateRefreshTokens = true
    left.google.fault('token', { status: 500 }, Infinity)
    left.google.fault('discovery', { hang: true }, Infinity)
  })
  await t.test('comes after', async t => {
    const world = await enter(t)
    t.equal(world.app, left?.app)
    await isAsNew(t, world)
    t.not((await enter(t)).app, world.app, 'a place is never taken twice at a time')
    t.not((await build(t)).app, world.app)
  })
})

t.test('enter › a test that closed the app › the next gets another', async t => {
  let left: World | undefined
  await t.test('server › closes', async t => {
    left = await enter(t, { environment: { FLOW_TTL_SECONDS: '60' } })
    await left.app.close()
  })
  await t.test('comes after', async t => {
    const world = await enter(t, { environment: { FLOW_TTL_SECONDS: '60' } })
    t.not(world.app, left?.app)
    await isAsNew(t, world)
  })
})
