import { createRequire } from 'node:module'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { type FakeGoogle, startFakeGoogle } from '@guichet/fake-google'
import type { FastifyInstance, FastifyServerOptions, InjectOptions, LightMyRequestResponse } from 'fastify'
import { MongoClient } from 'mongodb'
import type { Test } from 'tap'
import { sessionCollection } from '../src/accounts/sessions.ts'
import { ticketCollection } from '../src/accounts/tickets.ts'
import { userCollection } from '../src/accounts/users.ts'
import { createServer } from '../src/app.ts'
import { backendKeyCollection } from '../src/backend/keys.ts'
import { services } from '../src/catalogue.ts'
import type { Clock } from '../src/clock.ts'
import { type Config, parseConfig } from '../src/config/config.ts'
import { connectionCollection } from '../src/connections/repository.ts'
import { revocationCollection } from '../src/connections/revocations.ts'
import type { Database } from '../src/database/database.ts'
import type { ReceiverRecord } from '../src/events/delivery.ts'
import { type CounterRecord, eventCollection } from '../src/events/event-list.ts'
import { flowCollection } from '../src/flows/flows.ts'
import type { Problem } from '../src/http/problem.ts'
import type { ConnectionView } from '../src/http/views/connection.ts'
import { quotaCollection } from '../src/services/gmail/quota.ts'
import type { VaultCheckRecord } from '../src/vault/check.ts'
import { isDocumented } from './http/documented.ts'

/** Time in tests: real until it is moved, and it moves only when a test says so. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function createTestClock(): TestClock {
  let ms = Date.now()
  return {
    nowMs: () => ms,
    advance: by => {
      ms += by
    }
  }
}

/** A database of the test's own: in the MongoDB that MONGODB_URI names, else in a stand-in of its own. */
export async function startDatabase(t: Test, clock?: Clock): Promise<string> {
  const server = process.env.MONGODB_URI
  if (!server) {
    const mongo = await startEmbeddedMongo(clock && { nowMs: clock.nowMs })
    t.teardown(() => mongo.close())
    return mongo.uri
  }
  const url = new URL(server)
  url.pathname = `/guichet_test_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
  t.teardown(async () => {
    const client = new MongoClient(url.href)
    await client.db().dropDatabase()
    await client.close()
  })
  return url.href
}

export type Environment = Record<string, string>

/** A whole environment that boots: over that database and that Google. */
export function testEnvironment(
  mongodbUri: string,
  google: Pick<FakeGoogle, 'issuer' | 'clientId' | 'clientSecret'>,
  overrides: Environment = {}
): Environment {
  return {
    PUBLIC_URL: 'http://localhost:3000',
    MONGODB_URI: mongodbUri,
    SESSION_SECRETS: 'a secret for tests of 32 characters or more',
    VAULT_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.clientSecret,
    GOOGLE_ISSUER: google.issuer,
    GOOGLE_API_URL: google.issuer,
    RATE_LIMIT_STARTS: '0',
    // The clock of a test stands still, and so would the minute that Google's quota is counted in.
    GMAIL_UNITS_PER_USER: '1000000',
    AUDIT_FILE: '/dev/null',
    ...overrides
  }
}

/** The collections of an app, straight into the database. */
export function collectionsOf({ database }: { database: Database }) {
  return {
    users: database.collection(userCollection),
    sessions: database.collection(sessionCollection),
    flows: database.collection(flowCollection),
    tickets: database.collection(ticketCollection),
    connections: database.collection(connectionCollection),
    revocations: database.collection(revocationCollection),
    events: database.collection(eventCollection),
    backendKeys: database.collection(backendKeyCollection),
    gmailQuota: database.collection(quotaCollection),
    meta: database.collection<VaultCheckRecord & CounterRecord & ReceiverRecord>({ name: 'meta', indexes: [] })
  }
}

export type Collections = ReturnType<typeof collectionsOf>

export interface World {
  app: FastifyInstance
  google: FakeGoogle
  clock: TestClock
  config: Config
  environment: Environment
  /** A browser with a cookie jar of its own, at `app` or another replica. */
  browser(at?: FastifyInstance): Browser
  /** A browser that is signed in, as the first user of Google or the one named. */
  signedIn(as?: string): Promise<Browser>
  /** Another app over the same database and Google. */
  replica(overrides?: Environment): Promise<FastifyInstance>
}

export interface WorldOptions {
  environment?: Environment
  logger?: FastifyServerOptions['logger']
}

const { cache } = createRequire(import.meta.url)

/** For the name of each unnamed plugin Fastify goes through all modules that are loaded: a sixth of what an app costs. */
function hideModules(): void {
  for (const file of Object.keys(cache)) Object.defineProperty(cache, file, { enumerable: false })
}

/** An app over a database and a Google of its own; everything ends with the test. */
export async function build(t: Test, options: WorldOptions = {}): Promise<World> {
  const { toWorld, google } = await startPlace(t, options)
  return toWorld(t, google)
}

/** A place free to take, by its environment. */
const free = new Map<string, Place[]>()

/**
 * As `build`, in a place that other tests use before and after: most of what a test costs is starting one. The database
 * is empty and Google knows nothing; what an app keeps in memory of others (Google's endpoints and keys, the counts of
 * metrics) is there, and the clock goes on from where it stood. For tests that ask about none of these. One with a log of
 * its own gets a place of its own.
 */
export async function enter(t: Test, { environment = {}, logger }: WorldOptions = {}): Promise<World> {
  // A server's own clock does not follow the place's from test to test.
  if (logger || process.env.MONGODB_URI) return build(t, { environment, ...(logger && { logger }) })
  // Here and not above: figures and benches use this file too, and tap would end their processes after 30 s.
  const { default: root } = await import('tap')
  const key = JSON.stringify(environment)
  const place = free.get(key)?.pop() ?? (await startPlace(root, { environment }))
  // Before anything of the test's own, so that it is done last.
  t.teardown(async () => {
    if (await place.clear()) free.set(key, [...(free.get(key) ?? []), place])
  })
  return place.toWorld(t, await place.google.renew())
}

interface Place {
  google: FakeGoogle
  /** Its world, as that test sees it. */
  toWorld(t: Test, google: FakeGoogle): World
  /** Ends what is under way and empties the database; false if a test ended something of it for good, or let it listen. */
  clear(): Promise<boolean>
}

/** Everything of it ends with `owner`. */
async function startPlace(owner: Test, { environment: overrides = {}, logger = false }: WorldOptions): Promise<Place> {
  const clock = createTestClock()
  const google = await startFakeGoogle({ nowMs: clock.nowMs })
  owner.teardown(() => google.close())
  const mongodbUri = await startDatabase(owner, clock)
  const environment = testEnvironment(mongodbUri, google, overrides)
  const publicUrl = environment.PUBLIC_URL ?? ''
  /** What a test did that no later one could work with. */
  let isSpent = false

  async function start(t: Test, more: Environment = {}): Promise<FastifyInstance> {
    hideModules()
    const app = await createServer({ ...parseConfig({ ...environment, ...more }), clock }, logger)
    t.teardown(() => app.close())
    return app
  }

  const app = await start(owner)
  const { background, readiness } = app
  const [stop, drain] = [background.stop, readiness.drain]
  background.stop = () => {
    isSpent = true
    return stop()
  }
  readiness.drain = () => {
    isSpent = true
    drain()
  }
  await app.ready()
  // Some of what a test may wait for keeps no process running by itself.
  const alive = setInterval(() => {}, 1_000_000)
  owner.teardown(() => clearInterval(alive))

  return {
    google,
    toWorld(t, google) {
      const { close } = google
      google.close = async () => {
        isSpent = true
        await close()
      }
      google.usage.limits.unitsPerUser = 1_000_000
      for (const path of ['/auth/google', ...services.map(({ id }) => `/connect/${id}`)]) {
        google.redirectUris.add(`${publicUrl}${path}/callback`)
      }
      const browser = (at = app) => createBrowser(at, google)
      return {
        app,
        google,
        clock,
        config: parseConfig(environment),
        environment,
        browser,
        async replica(more) {
          const other = await start(t, more)
          await other.ready()
          return other
        },
        async signedIn(as) {
          const one = browser()
          await one.signIn(as)
          return one
        }
      }
    },
    async clear() {
      google.clearFaults()
      if (isSpent || app.server.listening) {
        await app.close()
        return false
      }
      const collections = (await app.mongo.db?.collections()) ?? []
      // The keys' check is made once, when an app starts.
      const empty = () =>
        Promise.all(collections.map(collection => collection.deleteMany({ _id: { $ne: 'vault' as never } })))
      await empty()
      await app.background.run()
      // What was under way had read what is gone, and may have written since.
      await empty()
      return true
    }
  }
}

type Consent = NonNullable<Parameters<FakeGoogle['consent']>[1]>

/** A browser as far as HTTP goes: it keeps the cookies it is given and sends them back. */
export interface Browser {
  cookies: Map<string, string>
  request(options: InjectOptions): Promise<LightMyRequestResponse>
  /** As fetch does it. */
  fetch(url: string, method?: 'GET' | 'POST' | 'DELETE', body?: object): Promise<LightMyRequestResponse>
  /** As a link or the address bar does it. */
  navigate(url: string): Promise<LightMyRequestResponse>
  /** Starts a flow with fetch, consents at Google, and gives the URL that Google sends the browser to. */
  authorize(startUrl: string, consent?: Consent): Promise<string>
  signIn(as?: string): Promise<LightMyRequestResponse>
  connect(consent?: Consent, startUrl?: string): Promise<LightMyRequestResponse>
  /** Connects and gives the connection; throws if that failed. */
  connected(consent?: Consent): Promise<ConnectionView>
  /** The same jar, in a browser of its own from here on. */
  clone(at?: FastifyInstance): Browser
}

/** Where a user consents, by hand or at once. */
export interface Consenting {
  consent(authorizationUrl: string, choices?: Consent): string | Promise<string>
}

export function createBrowser(app: FastifyInstance, google: Consenting, jar: [string, string][] = []): Browser {
  const cookies = new Map(jar)

  async function request({ headers, ...options }: InjectOptions): Promise<LightMyRequestResponse> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await app.inject({ ...options, headers: { ...(cookie && { cookie }), ...headers } })
    for (const line of [response.headers['set-cookie'] ?? []].flat()) {
      const [pair = '', ...attributes] = line.split('; ')
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      if (attributes.includes('Max-Age=0')) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  const self: Browser = {
    cookies,
    request,
    fetch: (url, method = 'GET', body) => request({ method, url, ...(body && { payload: body }) }),
    navigate: url =>
      request({
        method: 'GET',
        url,
        headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-mode': 'navigate' }
      }),
    async authorize(startUrl, consent) {
      const started = await self.fetch(startUrl)
      if (started.statusCode !== 200) throw new Error(`${startUrl} answered ${started.statusCode} ${started.body}`)
      return localPath(await google.consent(started.json<{ url: string }>().url, consent))
    },
    async signIn(as) {
      return self.fetch(await self.authorize('/auth/google', as === undefined ? undefined : { as }))
    },
    async connect(consent, startUrl = '/connect/gmail') {
      return self.fetch(await self.authorize(startUrl, consent))
    },
    async connected(consent) {
      const response = await self.connect(consent)
      if (response.statusCode !== 200) throw new Error(`connecting answered ${response.statusCode} ${response.body}`)
      return response.json<{ connection: ConnectionView }>().connection
    },
    clone: (at = app) => createBrowser(at, google, [...cookies])
  }
  return self
}

/** A URL of ours as inject takes it. */
export function localPath(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

export function problemOf(response: LightMyRequestResponse): Problem {
  return response.json<Problem>()
}

/** Checks that the answer is a problem of that code, in its whole shape. */
export function isProblem(t: Test, response: LightMyRequestResponse, status: number, code: string): void {
  t.equal(response.statusCode, status, `status of ${code}`)
  t.match(response.headers['content-type'], /^application\/problem\+json/)
  t.match(response.json(), {
    code,
    status,
    type: `urn:guichet:problem:${code}`,
    title: String,
    detail: String,
    instance: String,
    requestId: String
  })
  t.equal(response.headers['cache-control'], 'no-store')
  // Answers from a socket do not say what was asked.
  const { method = '', url = '' } = response.raw?.req ?? {}
  if (!isDocumented({ method, url }, `${status} ${code}`))
    t.fail(`openapi.json lacks ${status} ${code} at ${method} ${url}`)
}
