import { isIP } from 'node:net'
import { z } from 'zod'
import { toComparableAddress } from '../email-address.ts'
import { parseKeyRing } from './key-ring.ts'
import { isNetwork, isProxy } from './networks.ts'
import { isPublicUrl } from './public-url.ts'
import { isBaseUrl, isOrigin, isSecureUrl } from './urls.ts'

/** What an OAuth client may be called, and its secret (RFC 6749, appendix A); the OAuth library takes nothing else either. */
export const isPrintableAscii = (text: string) => /^[\x20-\x7e]+$/.test(text)

/** An address or a host's name, as `listen` takes it: without a port, and IPv6 without brackets. */
const isHost = (text: string) =>
  isIP(text) !== 0 || (/^(?:[a-z0-9_-]{1,63}\.)*[a-z_-][a-z0-9_-]{0,62}$/i.test(text) && text.length <= 253)

/** A plain local part, or none, without quotation marks and brackets of any script; a domain of at least two labels. */
const isAllowedAddress = (text: string) =>
  /^(?!\.)[^\s@"<>(),:;\\*]*(?<!\.)@/.test(text) &&
  !/\.\.|[\p{Pi}\p{Pf}\p{Ps}\p{Pe}]/u.test(text) &&
  toComparableAddress(text.replace(/^@/, 'x@')) !== undefined

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions, of whichever system the server runs on. */
function hasDatabaseName(uri: string): boolean {
  const [, path] = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri) ?? []
  try {
    const name = decodeURIComponent(path ?? '')
    return /^[^/\\. "$*<>:|?\0]+$/.test(name) && Buffer.byteLength(name) < 64
  } catch {
    return false
  }
}

/** As Standard Webhooks has it: 24 to 64 bytes, in the one spelling of base64. */
function isWebhookSecret(text: string): boolean {
  const [, base64 = ''] = /^whsec_(.+)$/.exec(text) ?? []
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64
}

/** It goes into a Content-Security-Policy, where these characters end a source. */
function isLogoUrl(text: string): boolean {
  if (!isSecureUrl(text)) return false
  const { username, password, search, hash, href } = new URL(text)
  return !username && !password && !search && !hash && !/[;,\s]/.test(href)
}

const missing = 'is missing'
const text = () => z.string({ error: missing })
const whole = (min: number, max: number) => {
  const problem = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,9}$/, problem)
    .transform(Number)
    .refine(value => value >= min && value <= max, problem)
}
const list = () =>
  z.string().transform(value =>
    value
      .split(',')
      .map(item => item.trim())
      .filter(item => item !== '')
  )
const everyItem = (test: (item: string) => boolean, problem: string) =>
  list()
    .refine(items => items.length > 0 && items.every(test), problem)
    .refine(items => new Set(items).size === items.length, 'names the same twice')

/**
 * Every variable guichet reads, with its meaning: the README's table and .env.example are written from here
 * by `npm run docs`. A message never holds the value.
 */
export const Environment = z.object({
  HOST: z
    .string()
    .refine(isHost, 'must be an address or a name, without a port or brackets')
    .default('127.0.0.1')
    .describe('Address to listen on; `0.0.0.0` in a container.'),
  PORT: whole(0, 65535).default(3000).describe('Port to listen on.'),
  PUBLIC_URL: text()
    .refine(
      isPublicUrl,
      'must be an origin such as https://auth.example.com, with a path or without, and no slash at its end'
    )
    .refine(isSecureUrl, 'must be https (http only for localhost)')
    .describe(
      "What browsers see: an origin such as `https://auth.example.com`, or one with a path to live under. Redirect URIs are made from it alone. With https the cookie is Secure and `__Host-guichet`, or `__Secure-guichet` under a path; http is for localhost only. There the cookie's name ends in the port (`guichet-3000`)."
    ),
  MONGODB_URI: text()
    .refine(
      hasDatabaseName,
      'must be a MongoDB connection string with the database\'s name in its path, without any of / \\ . " $ * < > : | ? or a blank'
    )
    .describe("MongoDB's connection string, with the database's name in its path."),
  SESSION_SECRETS: text()
    .pipe(
      everyItem(
        item => item.length >= 32,
        'must be a comma list of texts of at least 32 characters; `guichet secrets` prints a fresh one'
      )
    )
    .describe(
      'Comma list, newest first: texts of at least 32 characters that sign the session cookie. `guichet secrets` prints a fresh one.'
    ),
  VAULT_KEYS: text()
    .refine(
      value => parseKeyRing(value).length > 0,
      'must be a comma list of id:base64 of 32 bytes, each id once; `guichet secrets` prints a fresh one'
    )
    .describe(
      'Comma list, newest first: `id:standard base64 of 32 bytes`. The first key seals the tokens, all open. `guichet secrets` prints a fresh one.'
    ),
  GOOGLE_CLIENT_ID: z
    .string()
    .refine(isPrintableAscii, 'must be of printable ASCII characters')
    .optional()
    .describe("The OAuth client's id from Google's console; required, unless GOOGLE_CREDENTIALS_FILE is given."),
  GOOGLE_CLIENT_SECRET: z
    .string()
    .refine(isPrintableAscii, 'must be of printable ASCII characters')
    .optional()
    .describe("The OAuth client's secret; required with the id."),
  GOOGLE_CREDENTIALS_FILE: z
    .string()
    .optional()
    .describe("Instead of the two: the JSON file that Google's console hands out for a web application."),
  GOOGLE_ISSUER: z
    .string()
    .refine(isBaseUrl, 'must be https (http only for localhost), without user, query or fragment')
    // Google's has several spellings. Another issuer's name is compared to the letter, its last slash included.
    .transform(value =>
      new URL(value).href === 'https://accounts.google.com/' ? 'https://accounts.google.com' : value
    )
    .default('https://accounts.google.com')
    .describe("Google's issuer. Another one (https, or http on localhost) is discovered by OIDC."),
  GOOGLE_API_URL: z
    .string()
    .refine(
      text => isBaseUrl(text) && new URL(text).pathname === '/',
      'must be https (http only for localhost), without a user, a path or a query'
    )
    .transform(text => new URL(text).origin)
    .optional()
    .describe("Root of Google's APIs, if not Google's own (https, or http on localhost)."),
  ALLOWED_ORIGINS: everyItem(isOrigin, 'must be a comma list of origins such as https://app.example.com')
    .default([])
    .describe(
      "Comma list of your frontends' origins: CORS with credentials, and where `returnTo` may lead besides local paths."
    ),
  TRUST_PROXY: everyItem(isProxy, 'must be a comma list of addresses, CIDRs or loopback')
    .default([])
    .describe(
      'Addresses, CIDRs, `loopback`, `linklocal` or `uniquelocal`: the proxies whose forwarded headers count. Required when PUBLIC_URL is https.'
    ),
  SIGN_IN_ALLOW: everyItem(isAllowedAddress, 'must be a comma list of e-mail addresses or @domains')
    .default([])
    .describe(
      'Comma list of verified e-mail addresses or `@domains` that may sign in; empty: anyone with a Google account. A domain means the accounts of its Google Workspace now, or `@gmail.com`.'
    ),
  RATE_LIMIT_STARTS: whole(0, 1_000_000)
    .default(300)
    .describe('Starts and callbacks a minute per IP address and process; 0 is off.'),
  RATE_LIMIT_KEY: whole(0, 100_000_000)
    .default(60_000)
    .describe('Requests a minute per backend key and process; 0 is off.'),
  SESSION_IDLE_SECONDS: whole(1, 31_536_000).default(86_400).describe('A session unused for this long ends.'),
  SESSION_MAX_SECONDS: whole(1, 31_536_000).default(604_800).describe('A session this old ends, used or not.'),
  FLOW_TTL_SECONDS: whole(1, 600).default(600).describe('How long a user may take at Google.'),
  GOOGLE_TIMEOUT_MS: whole(100, 15_000).default(10_000).describe('The longest that a call to Google may take.'),
  GMAIL_UNITS_PER_USER: whole(100, 100_000_000)
    .default(6_000)
    .describe("Google's quota for one account's Gmail, in units a minute; projects older than May 2026 have 15000."),
  GMAIL_UNITS_PER_PROJECT: whole(100, 999_999_999)
    .default(1_200_000)
    .describe("Google's quota for all Gmail calls of the project, in units a minute."),
  WEBHOOK_URL: z
    .string()
    .optional()
    .describe('Where events are delivered, signed as Standard Webhooks says; https, and a public address.'),
  WEBHOOK_SECRETS: everyItem(isWebhookSecret, 'must be a comma list of whsec_ and base64 of 24 to 64 bytes')
    .default([])
    .describe('Comma list, newest first: the secrets that sign events, each `whsec_` and base64 of 24 to 64 bytes.'),
  WEBHOOK_ALLOW_PRIVATE: everyItem(isNetwork, 'must be a comma list of addresses or CIDRs')
    .default([])
    .describe('Comma list of private addresses or CIDRs that WEBHOOK_URL may lead to.'),
  GMAIL_PUBSUB_TOPIC: z
    .string()
    .regex(/^projects\/[a-z0-9:.-]{1,100}\/topics\/[A-Za-z0-9._~%+-]{1,255}$/, 'must be projects/…/topics/…')
    .optional()
    .describe(
      'Push for new mail: the Cloud Pub/Sub topic that Gmail publishes to, `projects/…/topics/…`. Without it mailboxes are polled.'
    ),
  GMAIL_PUSH_ACCOUNT: z
    .email('must be the e-mail address of a service account')
    .optional()
    .describe("The service account whose token comes with the subscription's pushes; required with the topic."),
  GMAIL_PUSH_AUDIENCE: z
    .string()
    .optional()
    .describe("The audience of that token; by default the hook's URL, `PUBLIC_URL/hooks/gmail`."),
  GMAIL_PUBSUB_SUBSCRIPTION: z
    .string()
    .regex(
      /^projects\/[a-z0-9:.-]{1,100}\/subscriptions\/[A-Za-z0-9._~%+-]{1,255}$/,
      'must be projects/…/subscriptions/…'
    )
    .optional()
    .describe('The only subscription whose pushes are accepted, `projects/…/subscriptions/…`; any if it is not given.'),
  APP_NAME: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]{1,60}$/u, 'must be one line of at most 60 characters')
    .default('guichet')
    .describe("The hosted pages' name: your app's."),
  APP_LOGO_URL: z
    .string()
    .refine(isLogoUrl, 'must be an https URL (http only for localhost) without user, query or fragment')
    .optional()
    .describe("The hosted pages' logo, shown 28 pixels high."),
  APP_ACCENT: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #164f47')
    .optional()
    .describe("The hosted pages' colour, such as `#164f47`; made darker or lighter where it could not be read."),
  AUDIT_FILE: z.string().optional().describe('Where each vend leaves its audit line; standard output without it.'),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x20-\x7e]{16,}$/, 'must have at least 16 characters of printable ASCII')
    .optional()
    .describe('Bearer token of `/metrics`; without it the route does not exist.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be one of fatal, error, warn, info, debug, trace, silent'
    })
    .default('info')
    .describe('Least severe level that is logged.')
})

/** Variables that may also be given as NAME_FILE: the path of a file that holds the value. */
export const secretNames = [
  'MONGODB_URI',
  'SESSION_SECRETS',
  'VAULT_KEYS',
  'GOOGLE_CLIENT_SECRET',
  'WEBHOOK_SECRETS',
  'METRICS_TOKEN'
] as const
