import t from 'tap'
import { hashSecret } from '../../src/secrets.ts'
import { build, collectionsOf, isProblem, type World } from '../helper.ts'
import { guichet, runGuichet } from '../process.ts'

const dayMs = 86_400_000

/** `guichet keys …` over the world's database, to its end. */
const keysOf =
  ({ environment }: World) =>
  (...args: string[]) =>
    guichet(environment, 'keys', ...args)

/** The answer to reading the connections with that key. */
const reads = (key: string, { app }: Pick<World, 'app'>) =>
  app.inject({ url: '/v1/connections', headers: { authorization: `Bearer ${key}` } })

t.test('[R60] keys create › standard output is only the key, and the key works', async t => {
  const world = await build(t)
  const made = await runGuichet(world.environment, 'keys', 'create', '--name', 'a backend', '--ops', 'connections:read')
    .ended
  t.equal(made.code, 0, made.err)
  t.match(made.out, /^gk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/, 'so that it can be piped into a vault of secrets')
  const key = made.out.trim()
  t.match(made.err, key.slice(3, 19), 'what else there is to say goes elsewhere')
  t.notMatch(made.err, key.slice(-43))

  t.equal((await reads(key, world)).statusCode, 200)
  const ticket = { method: 'POST', url: '/v1/tickets', payload: { externalId: 'u-17' } } as const
  const authorization = `Bearer ${key}`
  isProblem(t, await world.app.inject({ ...ticket, headers: { authorization } }), 403, 'forbidden')
})

t.test('[R60] keys create › --json, limited to services and days › one object, and a key that expires', async t => {
  const world = await build(t)
  const { clock, app, signedIn } = world
  const ada = await signedIn()
  await ada.connected()
  await ada.connect({}, '/connect/calendar')
  const narrowed = ['--ops', 'connections:read, tokens:vend', '--services', 'calendar', '--expires', '2']
  const made = await keysOf(world)('create', '--name', 'a backend', ...narrowed, '--json')
  t.equal(made.code, 0, made.err)
  const told = JSON.parse(made.out)
  t.same(Object.keys(told).sort(), ['expiresAt', 'id', 'key', 'name'])
  t.match(told, { id: /^[0-9a-f]{16}$/, key: `gk_${told.id}_`, name: 'a backend' })
  t.notMatch(made.err, told.key.slice(-43))
  t.match(await collectionsOf(app).backendKeys.findOne({ _id: told.id }), {
    operations: ['tokens:vend', 'connections:read'],
    services: ['calendar'],
    expiresAt: new Date(told.expiresAt)
  })

  const listed = (await reads(told.key, world)).json().connections
  t.same(
    listed.map(({ service }: { service: string }) => service),
    ['calendar']
  )
  // The command reads the database's clock, which went on a little since the test's own stood still.
  clock.advance(2 * dayMs - 60_000)
  t.equal((await reads(told.key, world)).statusCode, 200)
  clock.advance(120_000)
  isProblem(t, await reads(told.key, world), 401, 'backend_key_invalid')

  const endless = JSON.parse((await keysOf(world)('create', '--name', 'b', '--ops', 'events:read', '--json')).out)
  t.equal(endless.expiresAt, null)
})

t.test('[R60] keys list › as text and as JSON › every key’s entry, without the key or its hash', async t => {
  const world = await build(t)
  const keys = keysOf(world)
  const made = []
  for (const [name, ...rest] of [
    ['endless', '--ops', 'tokens:vend,gmail:read'],
    ['narrow', '--ops', 'events:read', '--services', 'gmail,drive'],
    ['ending', '--ops', 'events:read', '--expires', '30'],
    ['ended', '--ops', 'events:read']
  ] as const) {
    made.push(JSON.parse((await keys('create', '--name', name, ...rest, '--json')).out))
    // They are listed by their age.
    world.clock.advance(1000)
  }
  t.equal((await keys('revoke', made[3].id)).code, 0)

  const [text, json] = [await keys('list'), await keys('list', '--json')]
  t.match([text, json], [{ code: 0 }, { code: 0 }])
  const lines = text.out.trimEnd().split('\n')
  t.equal(lines.length, 4)
  for (const [position, words] of [
    ['endless', 'tokens:vend,gmail:read', 'all services', 'no expiry'],
    ['narrow', 'events:read', 'gmail,drive', 'no expiry'],
    ['ending', 'events:read', 'all services', `until ${made[2].expiresAt}`],
    ['ended', 'events:read', 'all services', 'revoked ']
  ].entries()) {
    for (const word of [made[position].id, ...words]) t.match(lines[position], word)
  }
  const members = ['createdAt', 'expiresAt', 'id', 'name', 'operations', 'revokedAt', 'services']
  for (const view of JSON.parse(json.out)) t.same(Object.keys(view).sort(), members)
  t.match(JSON.parse(json.out), [
    { id: made[0].id, name: 'endless', operations: ['tokens:vend', 'gmail:read'], services: null, expiresAt: null },
    { id: made[1].id, services: ['gmail', 'drive'], revokedAt: null },
    { id: made[2].id, expiresAt: made[2].expiresAt },
    { id: made[3].id, revokedAt: String }
  ])

  const shown = [text, json].map(({ out, err }) => out + err).join('')
  for (const { key } of made) {
    t.notMatch(shown, key.slice(-43))
    t.notMatch(shown, hashSecret(key))
  }
})

t.test('[R89] keys revoke › invalid at both replicas within 5 seconds, other keys unaffected', async t => {
  const world = await build(t)
  const keys = keysOf(world)
  const replicas = [world, { app: await world.replica() }]
  const create = async () =>
    JSON.parse((await keys('create', '--name', 'a backend', '--ops', 'connections:read', '--json')).out)
  const [old, next] = [await create(), await create()]
  for (const at of replicas) {
    for (const { key } of [old, next]) t.equal((await reads(key, at)).statusCode, 200, 'two at once')
  }

  const revoked = await keys('revoke', old.id)
  t.match(revoked, { code: 0, out: '' })
  t.match(revoked.err, old.id)
  world.clock.advance(5000)
  for (const at of replicas) {
    isProblem(t, await reads(old.key, at), 401, 'backend_key_invalid')
    t.equal((await reads(next.key, at)).statusCode, 200)
  }
})

t.test('[R60] keys › wrong arguments › shows the usage, exits with 1 and writes nothing', async t => {
  const world = await build(t)
  const keys = keysOf(world)
  const good = ['create', '--name', 'a backend', '--ops', 'connections:read']
  const dead = JSON.parse((await keys(...good, '--json')).out)
  t.equal((await keys('revoke', dead.id)).code, 0)
  t.equal((await keys(...good)).code, 0)
  const { backendKeys } = collectionsOf(world.app)
  const before = await backendKeys.find().toArray()
  t.equal(before.length, 2)

  const wrong: Record<string, string[]> = {
    'no action': [],
    'an unknown action': ['delete', dead.id],
    'an unknown option': [...good, '--key', 'mine'],
    'no name': ['create', '--ops', 'connections:read'],
    'an empty name': ['create', '--name', '', '--ops', 'connections:read'],
    'a long name': ['create', '--name', 'x'.repeat(101), '--ops', 'connections:read'],
    'no operations': ['create', '--name', 'a backend'],
    'empty operations': ['create', '--name', 'a backend', '--ops', ' , '],
    'an unknown operation': ['create', '--name', 'a backend', '--ops', 'connections:read,connections:write'],
    'every operation': ['create', '--name', 'a backend', '--ops', '*'],
    'an unknown service': [...good, '--services', 'gmail,fax'],
    'no service': [...good, '--services', ''],
    'an expiry of no days': [...good, '--expires', '0'],
    'an expiry in the past': [...good, '--expires=-1'],
    'an expiry in words': [...good, '--expires', 'never'],
    'an expiry in parts': [...good, '--expires', '1.5'],
    'an endless expiry': [...good, '--expires', '100000'],
    'no id': ['revoke'],
    'an unknown id': ['revoke', '0'.repeat(16)],
    'an id that is dead': ['revoke', dead.id],
    'the key itself': ['revoke', dead.key]
  }
  for (const [name, args] of Object.entries(wrong)) {
    const { code, out, err } = await keys(...args)
    t.equal(code, 1, name)
    t.equal(out, '', `${name}: standard output is for what was asked for`)
    t.match(err, /^\S.*\n\nUsage:\n {2}guichet secrets/, `${name}: one line of what is wrong, then how it is called`)
    t.notMatch(err, dead.key.slice(-43))
  }
  t.same(await backendKeys.find().toArray(), before)
})
