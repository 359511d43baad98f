import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Examined } from '../../src/commands/doctor/doctor.ts'
import { build, collectionsOf, createBrowser, type Environment, type World } from '../helper.ts'
import { guichet, runGuichet } from '../process.ts'

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

/** An HTTP server on a free port of this machine. */
async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** A world whose guichet can be reached at its PUBLIC_URL, through a proxy that a test may bend. */
async function reachable(t: Test) {
  const world = await build(t)
  const bent = { dropsCookies: false, isDown: false }
  let target: World['app'] | undefined
  const publicUrl = await serve(t, (request, response) => {
    if (!target || bent.isDown) return void response.writeHead(502).end()
    const setHeader = response.setHeader.bind(response)
    const writeHead = response.writeHead.bind(response)
    if (bent.dropsCookies) {
      response.setHeader = (name, value) => (name.toLowerCase() === 'set-cookie' ? response : setHeader(name, value))
      response.writeHead = ((status: number, headers: Record<string, unknown>) => {
        delete headers['set-cookie']
        return writeHead(status, headers as never)
      }) as never
    }
    target.routing(request, response)
  })
  for (const path of ['auth/google', 'connect/gmail', 'connect/calendar', 'connect/drive'])
    world.google.redirectUris.add(`${publicUrl}/${path}/callback`)
  target = await world.replica({ PUBLIC_URL: publicUrl })
  const environment: Environment = { ...world.environment, PUBLIC_URL: publicUrl }
  async function doctor(changed: Environment = {}) {
    // The test's clock stands still while the machine's goes on: that difference is not a fault of the database.
    world.clock.advance(Math.max(0, Date.now() - world.clock.nowMs()))
    const { code, out, err } = await guichet({ ...environment, ...changed }, 'doctor', '--json')
    const findings = JSON.parse(out) as Examined[]
    const said = (state: string) => findings.filter(one => one.state === state).map(one => `${one.check}: ${one.found}`)
    return { code, out, err, findings, faults: said('fault'), warnings: said('warning') }
  }
  const browser = createBrowser(target, world.google)
  return { ...world, doctor, publicUrl, bent, browser, environment }
}

t.test('doctor › a correct set-up › no fault, and every check reports', async t => {
  const { doctor, browser } = await reachable(t)
  await browser.signIn()
  await browser.connected()
  const { code, findings, faults, err } = await doctor()
  t.same(faults, [])
  t.equal(code, 0, err)
  const parts = 'environment, database, vault, Testing mode, Google APIs, webhook, Pub/Sub, Google client, proxy, CORS'
  t.same([...new Set(findings.map(({ check }) => check))], parts.split(', '))
  t.same(
    findings.filter(({ state, remedy }) => ['warning', 'fault'].includes(state) && !remedy),
    [],
    'whatever is wrong can be mended'
  )
})

t.test('doctor › broken set-ups › each fault is reported with its remedy', async t => {
  const world = await reachable(t)
  const { doctor, google, publicUrl, bent, browser, app } = world
  await browser.signIn()
  const { id } = await browser.connected()
  const expect = async (what: string, told: RegExp, changed?: Environment) => {
    const { code, faults, out } = await doctor(changed)
    t.equal(code, 1, what)
    t.ok(
      faults.some(fault => told.test(fault)),
      `${what}: ${faults.join(' | ')}`
    )
    for (const hidden of [google.clientSecret, google.canary, world.environment.VAULT_KEYS ?? '', secret])
      t.notOk(out.includes(hidden), `${what}: no secret is told`)
  }

  await expect('a variable is missing', /environment: VAULT_KEYS/, { VAULT_KEYS: '' })
  const nowhere = 'mongodb://ada:hidden-password@127.0.0.1:1/guichet?serverSelectionTimeoutMS=200'
  await expect('no database', /database: MongoDB cannot be reached/, { MONGODB_URI: nowhere })
  const [keyId = ''] = (world.environment.VAULT_KEYS ?? '').split(':')
  const otherKey = Buffer.alloc(32, 9).toString('base64')
  await expect('another key of the same id', /vault: the key/, { VAULT_KEYS: `${keyId}:${otherKey}` })
  await expect('a key is gone', /vault: 1 connections are sealed/, { VAULT_KEYS: `new:${otherKey}` })
  await expect('a wrong client secret', /Google client: .*invalid_client/, { GOOGLE_CLIENT_SECRET: 'wrong' })
  google.redirectUris.delete(`${publicUrl}/connect/gmail/callback`)
  await expect('a redirect URI is not registered', /Google client: .*redirect URI .*connect\/gmail/)
  google.redirectUris.add(`${publicUrl}/connect/gmail/callback`)
  bent.isDown = true
  await expect('a proxy that leads elsewhere', /proxy: PUBLIC_URL leads to something else/)
  bent.isDown = false
  bent.dropsCookies = true
  await expect('a proxy that eats cookies', /proxy: no cookie is set/)
  bent.dropsCookies = false
  await expect('a server that knows no such frontend', /CORS: .*does not let/, {
    ALLOWED_ORIGINS: 'http://localhost:5999'
  })
  const refusing = await serve(t, (_request, response) => void response.writeHead(401).end())
  const webhook = { WEBHOOK_SECRETS: secret, WEBHOOK_ALLOW_PRIVATE: '127.0.0.1,::1' }
  await expect('a receiver with another secret', /webhook: .*401/, { WEBHOOK_URL: refusing, ...webhook })
  await expect('a hook that is not there', /Pub\/Sub: .*404/, {
    GMAIL_PUBSUB_TOPIC: 'projects/p/topics/t',
    GMAIL_PUSH_ACCOUNT: 'push@p.example'
  })
  const disabled = { error: { code: 403, status: 'PERMISSION_DENIED', details: [{ reason: 'SERVICE_DISABLED' }] } }
  google.fault('gmail', { status: 403, body: disabled }, 1)
  await expect('an API that is not enabled', /Google APIs: the Gmail API is not enabled/)

  const { connections, flows } = collectionsOf(app)
  await connections.updateOne({}, { $set: { refreshTokenExpiresAt: new Date(Date.now() + 1e8) } })
  await flows.dropIndex('userId_1')
  const { code, warnings } = await doctor()
  t.equal(code, 0, 'warnings are no faults')
  t.match(warnings.join('\n'), /Testing mode: Google ends 1 of 1/)
  t.match(warnings.join('\n'), /database: 1 indexes are missing or differ: flows/)

  const listed = await guichet(world.environment, 'connections', 'list')
  t.match(listed.out, new RegExp(`^${id}\tgmail\t`))
  t.equal((await guichet(world.environment, 'connections', 'list', '--status', 'needs_reconnect')).out, '')
  t.match(JSON.parse((await guichet(world.environment, 'connections', 'show', id, '--json')).out), { id })
  t.equal((await guichet(world.environment, 'connections', 'show', '1')).code, 1)
})

t.test('doctor › a working webhook › gets a signed event that says it is a test', async t => {
  const world = await reachable(t)
  const bodies: string[] = []
  const url = await serve(t, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(body)
    response.writeHead(request.headers['webhook-signature'] ? 204 : 400).end()
  })
  const { faults } = await world.doctor({
    WEBHOOK_URL: url,
    WEBHOOK_SECRETS: secret,
    WEBHOOK_ALLOW_PRIVATE: '127.0.0.1,::1'
  })
  t.same(faults, [])
  t.match(
    bodies.map(body => JSON.parse(body)),
    [{ type: 'guichet.test', data: {} }]
  )
})

t.test('command line › help › one line a command, details of one, and colour only on a terminal', async t => {
  const { out } = await guichet({}, '--help')
  for (const name of ['secrets', 'doctor', 'keys create', 'connections show', 'events tail', 'vault rotate'])
    t.match(out, new RegExp(`^ {2}guichet ${name} `, 'm'))
  t.match(
    (await guichet({}, 'keys', 'create', '--help')).out,
    /^Usage: guichet keys create --name NAME[\s\S]*gmail:send/
  )
  t.notMatch((await guichet({}, 'keys', '--help')).out, 'vault')
  t.match((await guichet({}, 'nonsense')).err, /^There is no command «nonsense».\n\nUsage:/)
  const { code, out: plain, err } = await runGuichet({}, 'doctor').ended
  t.equal(code, 1, err)
  t.match(plain, /^✗ environment: PUBLIC_URL .*\n {4}docs\/environment\.md/m)
  t.notMatch(plain, '\u001b')
})

t.test('events list › shows events, oldest first', async t => {
  const world = await build(t)
  const ada = await world.signedIn()
  await ada.connected()
  await world.app.events.last()
  const { events } = collectionsOf(world.app)
  for (let tries = 0; tries < 200 && (await events.countDocuments({})) === 0; tries++)
    await new Promise(resolve => setTimeout(resolve, 20))
  const { out } = await guichet(world.environment, 'events', 'list')
  t.match(out, /\tconnection\.connected\t/)
  t.equal((await guichet(world.environment, 'events', 'list', '--limit', '0')).code, 1)
})

t.test('events tail › beside a running server › new events, up to the limit', async t => {
  const world = await build(t)
  const ada = await world.signedIn()
  await ada.connected()
  const tail = runGuichet(world.environment, 'events', 'tail', '--limit', '3', '--json')
  let isGoing = true
  void tail.ended.then(() => {
    isGoing = false
  })
  for (let tries = 0; isGoing && tries < 500; tries++) {
    const { id } = await ada.connected()
    await ada.fetch(`/connections/${id}`, 'DELETE')
    await world.app.background.run()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const { code, out, err } = await tail.ended
  t.equal(code, 0, err)
  const told = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.equal(told.length, 3)
  const { events } = collectionsOf(world.app)
  const listed = await events.find({}).sort({ _id: 1 }).toArray()
  const at = listed.findIndex(({ id }) => id === told[0].id)
  t.ok(at > 0, 'what was there before is not told')
  t.same(
    told.map(({ id }) => id),
    listed.slice(at, at + 3).map(({ id }) => id),
    'in order, none left out'
  )
})
