import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import t from 'tap'
import { startTrap } from '../google/trap.ts'
import { build } from '../helper.ts'
import { snapshot } from '../vault/snapshot.ts'

const root = join(import.meta.dirname, '../..')
const least = {
  PUBLIC_URL: 'http://localhost:3000',
  PORT: '0',
  MONGODB_URI: 'mongodb://guichet:the-database-password@127.0.0.1:9/guichet',
  SESSION_SECRETS: 'the-session-secret-of-32-characters-or-more',
  VAULT_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
  GOOGLE_CLIENT_ID: 'client.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET: 'the-client-secret',
  // An address where nothing listens: tests reach no network.
  GOOGLE_ISSUER: 'http://127.0.0.1:65535'
}

interface Ended {
  code: number | null
  output: string
}

/** Runs the server as operators do, with this environment and nothing of ours. */
function boot(environment: Record<string, string>): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['src/server.ts'], { cwd: root, env: environment, timeout: 60_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output += chunk
      })
    }
    child.once('close', code => resolve({ code, output }))
  })
}

const secrets = [
  'the-database-password',
  'the-session-secret',
  Buffer.alloc(32, 1).toString('base64'),
  'the-client-secret'
]

t.test('[R57][F40] boot › a faulty environment › exits at once with the variable’s name, not its value', async t => {
  const cases: [string[], Record<string, string>][] = [
    [
      ['VAULT_KEYS', 'SESSION_SECRETS', 'NODE_TLS_REJECT_UNAUTHORIZED'],
      { VAULT_KEYS: 'k1:dG9vIHNob3J0', SESSION_SECRETS: 'not long enough', NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    ],
    [['TRUST_PROXY'], { PUBLIC_URL: 'https://auth.example.com' }],
    [['AUDIT_FILE'], { AUDIT_FILE: '/nowhere/audit.log' }],
    [['HOST'], { HOST: 'nowhere.invalid' }],
    // The driver refuses it, and would quote it.
    [['MONGODB_URI'], { MONGODB_URI: 'mongodb://guichet:the-database-password@127.0.0.1/guichet?tls=perhaps' }],
    [['MONGODB_URI'], { MONGODB_URI: `${least.MONGODB_URI}?tls=true&tlsCAFile=/nowhere/ca.pem` }]
  ]
  for (const [variables, changes] of cases) {
    const { code, output } = await boot({ ...least, ...changes })
    const variable = variables.join(', ')
    t.equal(code, 1, variable)
    for (const name of variables) t.match(output, name)
    for (const secret of [...secrets, ...Object.values(changes)].filter(value => value !== '0')) {
      t.notOk(output.includes(secret), `${variable}: no value is printed`)
    }
  }
})

t.test('[R57] boot › a faulty environment ends the process before anyone is called', async t => {
  const [database, google] = [await startTrap(t), await startTrap(t)]
  const environment = {
    ...least,
    MONGODB_URI: `mongodb://${new URL(database.url).host}/guichet`,
    GOOGLE_ISSUER: google.url
  }
  // One of each kind; what else is a fault, config.test.ts asks of the same function.
  for (const changes of [
    { VAULT_KEYS: 'k1:dG9vIHNob3J0' },
    { GOOGLE_CLIENT_SECRET: '', NODE_TLS_REJECT_UNAUTHORIZED: '0', WEBHOOK_URL: 'https://example.com/events' }
  ]) {
    const { code } = await boot({ ...environment, ...changes })
    t.equal(code, 1, Object.keys(changes).join())
    t.same([database.connections, google.connections], [0, 0])
  }

  // Without the fault the same process calls both, so the check can fail.
  const good = spawn(process.execPath, ['src/server.ts'], { cwd: root, env: environment, stdio: 'ignore' })
  const ended = once(good, 'close')
  await Promise.all([database.reached, google.reached])
  good.kill('SIGKILL')
  await ended
  t.ok(database.connections > 0 && google.connections > 0)
})

t.test('[F40] boot › a key is missing or too short › the database stays as it was', async t => {
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const world = await build(t, { environment: { MONGODB_URI: mongo.uri } })
  const ada = await world.signedIn()
  await ada.connected()
  await ada.fetch('/connect/calendar')
  await world.app.backendKeys.create({ name: 'b', operations: ['tokens:vend'], services: null, expiresAt: null })
  await world.app.background.run()
  await world.app.close()
  const before = snapshot(mongo.data)
  for (const collection of ['connections', 'flows', 'sessions', 'users', 'backendKeys', 'events', 'meta'])
    t.ok(
      before.some(document => document.startsWith(`guichet.${collection} `)),
      collection
    )

  const { VAULT_KEYS: whole = '', ...without } = { ...world.environment, PORT: '0' }
  for (const changes of [{}, { VAULT_KEYS: `${whole},k0:${Buffer.alloc(16, 1).toString('base64')}` }]) {
    const { code, output } = await boot({ ...without, ...changes })
    t.equal(code, 1)
    t.match(output, 'VAULT_KEYS')
    t.same(snapshot(mongo.data), before)
  }
  const right = await world.replica()
  t.equal((await ada.clone(right).fetch('/connections')).json().connections.length, 1)
})

t.test('[R57] boot › every fault of an empty environment is named at once', async t => {
  const { code, output } = await boot({})
  t.equal(code, 1)
  for (const name of Object.keys(least).filter(name => !['PORT', 'GOOGLE_ISSUER'].includes(name))) t.match(output, name)
})

t.test('[R58] boot › another key of the same id ends the process, and the database stays as it was', async t => {
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const environment = { ...least, MONGODB_URI: mongo.uri }
  const first = spawn(process.execPath, ['src/server.ts'], { cwd: root, env: environment })
  const ended = new Promise(resolve => first.once('close', resolve))
  await new Promise<void>(resolve => {
    first.stdout.on('data', chunk => {
      if (String(chunk).includes('listening')) resolve()
    })
  })
  first.kill('SIGKILL')
  await ended
  const before = snapshot(mongo.data)
  t.ok(before.length > 0)

  const { code, output } = await boot({
    ...environment,
    VAULT_KEYS: `k1:${Buffer.alloc(32, 2).toString('base64')}`
  })
  t.equal(code, 1)
  t.notOk(output.includes(Buffer.alloc(32, 2).toString('base64')))
  t.same(snapshot(mongo.data), before)
})
