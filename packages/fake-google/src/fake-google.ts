import type { JsonWebKey } from 'node:crypto'
import { PATHS, serveDiscovery, serveJwks, serveRevocation, serveUserinfo } from './account-endpoints.ts'
import { type Authorization, type ConsentChoices, createAuthorization } from './authorization.ts'
import { CALENDAR_PREFIX, serveCalendar } from './calendar.ts'
import type { Certificate } from './certificate.ts'
import { serveConsentPage } from './consent-page.ts'
import { CONTROLS_PATH, serveControls } from './controls.ts'
import { createFaults, type Fault, type FaultHandle, type FaultOptions, type Faults } from './faults.ts'
import type { GmailAccount } from './gmail/account.ts'
import { bearerOf, GMAIL_PREFIX, GMAIL_UPLOAD_PREFIX, methodOf, serveGmail } from './gmail/api.ts'
import type { SentMail } from './gmail/sending.ts'
import { readUpload } from './gmail/upload.ts'
import type { Usage } from './gmail/usage.ts'
import { type Endpoint, json, type RecordedRequest, type Reply } from './http.ts'
import type { IdTokenTampering } from './id-token.ts'
import type { Ledger } from './ledger.ts'
import type { Pubsub } from './pubsub.ts'
import { toGrantedScope } from './scopes.ts'
import { type RunningServer, startServer } from './server.ts'
import type { Settings } from './settings.ts'
import { createTokenEndpoint, type RefreshRefusal, type TokenEndpoint } from './token-endpoint.ts'
import type { User, UserSeed } from './users.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

export interface FakeGoogleOptions extends WorldOptions {
  port?: number
  /** Serves https with it: see createCertificate. */
  tls?: Certificate
  /** Serves a page on which one plays Google by hand: for demos. */
  controls?: boolean
}

export type { Calendar, CalendarEvent } from './calendar-events.ts'
export type { GmailAccount } from './gmail/account.ts'
export type { IncomingMail, Receiving } from './gmail/mailbox.ts'
export type { SentMail } from './gmail/sending.ts'
export type { Usage } from './gmail/usage.ts'
export type { Pubsub } from './pubsub.ts'

/** A strict Google on 127.0.0.1. The settings may be changed at any time: `google.rotateRefreshTokens = true`. */
export interface FakeGoogle extends Settings {
  /** Its origin: GOOGLE_ISSUER and GOOGLE_API_URL of the app under test. */
  readonly issuer: string
  readonly port: number
  readonly clientId: string
  readonly clientSecret: string
  /** Registered redirect URIs, compared byte by byte; a test may add and delete. */
  readonly redirectUris: Set<string>
  /** The text inside every secret of this instance. */
  readonly canary: string
  readonly ledger: Ledger
  /** Every request, in order of arrival. */
  readonly requests: readonly RecordedRequest[]
  /** What no correct client does, in words: a suite asserts that it is empty at the end. */
  readonly violations: readonly string[]
  /** The public half of the key that `nextIdToken({ key: 'foreign' })` signs with, to embed as `jwk`. */
  foreignJwk(): JsonWebKey
  calls(endpoint: Endpoint): number
  requestsTo(endpoint: Endpoint): RecordedRequest[]
  /** Resolves with the next request to reach the endpoint (read in full), or with the count-th from now. */
  arrival(endpoint: Endpoint, count?: number): Promise<RecordedRequest>
  /** Plays the human at the consent page: checks the request strictly (throws), answers the callback URL. */
  consent(authorizationUrl: string | URL, choices?: ConsentChoices): string
  addUser(seed: UserSeed): User
  /** The account as it is, mail included. */
  user(subOrEmail: string): User
  /** Its Gmail: mail comes in by `gmail('ada@example.com').receive(…)`. */
  gmail(subOrEmail: string): GmailAccount
  /** Every mail that left, by whichever method. */
  readonly sent: readonly SentMail[]
  /** What the calls to Gmail cost, and how many were open at once; its `limits` may be changed. */
  readonly usage: Usage
  readonly pubsub: Pubsub
  /** Where one plays Google by hand, if `controls` were asked for. */
  readonly controlsUrl: string
  /** The user revokes access at myaccount.google.com: all tokens become invalid. */
  revokeGrant(subOrEmail: string): void
  /** Kills the refresh tokens that carry Gmail scopes. */
  changePassword(subOrEmail: string): void
  /** Valid access tokens answer 401 from now on. */
  expireAccessTokens(subOrEmail: string): void
  /** Refreshes give only these scopes from now on, and the sign-in ones. */
  narrow(subOrEmail: string, scopes: string[]): void
  /** Refuses every refresh of the account, until called with undefined. */
  refuseRefresh(subOrEmail: string, refusal?: RefreshRefusal): void
  /** Signs with a new key; the old one leaves the JWKS unless `keepOld`. */
  rotateKeys(options?: { keepOld?: boolean }): Promise<void>
  nextIdToken(tampering: IdTokenTampering): void
  fault(endpoint: Endpoint, fault: Fault, times?: number | FaultOptions): FaultHandle
  /** Removes the faults, all or an endpoint's, and releases hanging requests. */
  clearFaults(endpoint?: Endpoint): void
  /**
   * Begins from the start in the same place: issuer, client and keys stay as they are, all else is as in a new one. What
   * was issued before becomes invalid.
   */
  renew(): Promise<FakeGoogle>
  /** Closes the keep-alive connections that carry no request. */
  closeIdleConnections(): void
  /** Destroys all sockets and stops. */
  close(): Promise<void>
}

export async function startFakeGoogle(options: FakeGoogleOptions = {}): Promise<FakeGoogle> {
  let world = await createWorld(options)
  let authorization = createAuthorization(world)
  let tokenEndpoint = createTokenEndpoint(world, authorization)
  const faults = createFaults()

  function serve(request: RecordedRequest): Reply {
    // URLs end up in logs (RFC 9700, 4.3). Nothing that carries the canary has a place in one.
    if (`${request.path}?${request.query}`.includes(world.canary)) {
      world.violations.push(`${request.endpoint}: a secret in the URL`)
    }
    const getOnly = (answer: () => Reply) => {
      return request.method === 'GET' ? answer() : json(405, { error: 'method_not_allowed' }, { allow: 'GET' })
    }
    switch (request.endpoint) {
      case 'discovery':
        return getOnly(() => serveDiscovery(world))
      case 'jwks':
        return getOnly(() => serveJwks(world))
      case 'authorization':
        return serveConsentPage(world, authorization, request)
      case 'token':
        return tokenEndpoint.serve(request)
      case 'revoke':
        return serveRevocation(world, request)
      case 'userinfo':
        return serveUserinfo(world, request)
      case 'gmail':
        return serveGmail(world, request)
      case 'calendar':
        return serveCalendar(world, request)
      case 'controls':
        return serveControls(world, request)
      case 'unknown':
        world.violations.push(`unknown path: ${request.method} ${request.path}`)
        return json(404, { error: 'not_found' })
    }
  }

  const server = await startServer({
    port: options.port ?? 0,
    tls: options.tls,
    nowMs: world.nowMs,
    toEndpoint: path => (options.controls && path === CONTROLS_PATH ? 'controls' : toEndpoint(path)),
    readStream(request, body) {
      const method = methodOf(request.method, request.path)
      if (method !== undefined) request.gmailMethod = method
      if (!request.path.startsWith(GMAIL_UPLOAD_PREFIX)) return undefined
      return readUpload(request, body, world.settings.gmailUploadBytes).then(upload => {
        request.upload = upload
      })
    },
    open(request) {
      const token = request.endpoint === 'gmail' ? world.grants.openAccessToken(bearerOf(request)) : undefined
      return token ? world.usage.open(world.users.require(token.sub).email) : () => {}
    },
    serve,
    faults
  })
  world.origin = `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`

  async function renew(): Promise<FakeGoogle> {
    faults.clear()
    server.forget()
    world = await createWorld(options, world)
    authorization = createAuthorization(world)
    tokenEndpoint = createTokenEndpoint(world, authorization)
    return toFakeGoogle({ world, authorization, tokenEndpoint, faults, server, renew })
  }

  return toFakeGoogle({ world, authorization, tokenEndpoint, faults, server, renew })
}

interface Parts {
  world: World
  authorization: Authorization
  tokenEndpoint: TokenEndpoint
  faults: Faults
  server: RunningServer
  renew: FakeGoogle['renew']
}

function toFakeGoogle({ world, authorization, tokenEndpoint, faults, server, renew }: Parts): FakeGoogle {
  const subOf = (subOrEmail: string) => world.users.require(subOrEmail).sub
  const { requests } = server

  return Object.assign(world.settings, {
    issuer: world.origin,
    port: server.port,
    clientId: world.client.id,
    clientSecret: world.client.secret,
    redirectUris: world.client.redirectUris,
    canary: world.canary,
    ledger: world.ledger,
    requests,
    violations: world.violations,
    foreignJwk: () => world.keys.foreign.publicJwk,
    calls: (endpoint: Endpoint) => requests.filter(request => request.endpoint === endpoint).length,
    requestsTo: (endpoint: Endpoint) => requests.filter(request => request.endpoint === endpoint),
    arrival: server.arrival,
    consent(authorizationUrl: string | URL, choices: ConsentChoices = {}) {
      const url = new URL(authorizationUrl)
      if (url.origin + url.pathname !== world.origin + PATHS.authorization || url.hash !== '') {
        throw new Error(`not the authorization endpoint: ${url.origin}${url.pathname}`)
      }
      return authorization.decide(authorization.validate(url.search.slice(1)), choices)
    },
    addUser: (seed: UserSeed) => world.users.add(seed),
    user: (subOrEmail: string) => world.users.require(subOrEmail),
    gmail: (subOrEmail: string) => world.users.require(subOrEmail).gmail,
    sent: world.outbox.sent,
    usage: world.usage,
    pubsub: world.pubsub,
    controlsUrl: world.origin + CONTROLS_PATH,
    revokeGrant: (subOrEmail: string) => world.grants.revoke(subOf(subOrEmail)),
    changePassword: (subOrEmail: string) => world.grants.changePassword(subOf(subOrEmail)),
    expireAccessTokens: (subOrEmail: string) => world.grants.expireAccessTokens(subOf(subOrEmail)),
    narrow: (subOrEmail: string, scopes: string[]) => {
      world.grants.narrow(subOf(subOrEmail), scopes.map(toGrantedScope))
    },
    refuseRefresh: (subOrEmail: string, refusal?: RefreshRefusal) => {
      tokenEndpoint.refuseRefresh(subOf(subOrEmail), refusal)
    },
    rotateKeys: world.keys.rotate,
    nextIdToken: world.idTokens.tamperNext,
    fault: faults.plan,
    clearFaults: faults.clear,
    renew,
    closeIdleConnections: server.closeIdleConnections,
    async close() {
      await server.close()
      // Only now, so that hanging requests find their connection gone and have no effect any more.
      faults.clear()
    }
  })
}

function toEndpoint(path: string): Endpoint {
  for (const [endpoint, exact] of Object.entries(PATHS)) if (path === exact) return endpoint as keyof typeof PATHS
  if (path.startsWith(CALENDAR_PREFIX)) return 'calendar'
  return path.startsWith(GMAIL_PREFIX) || path.startsWith(GMAIL_UPLOAD_PREFIX) ? 'gmail' : 'unknown'
}
