import { ConfigError, type ConfigFault } from './config-error.ts'
import { Environment } from './environment.ts'
import { parseKeyRing, type VaultKey } from './key-ring.ts'
import { createAddressGuard, faultOfWebhookUrl } from './networks.ts'
import { urlUnder } from './public-url.ts'
import { readCredentialsFile, readVariables, type Variables } from './variables.ts'

/** What the app is built from: the environment, read once and checked whole. */
export interface Config {
  host: string
  port: number
  /** The origin browsers see; every redirect URI and link is made from it. */
  publicUrl: URL
  mongodbUri: string
  /** Newest first: the first signs, all verify. */
  sessionSecrets: string[]
  /** Newest first: the first seals, all open. */
  vaultKeys: VaultKey[]
  google: { clientId: string; clientSecret: string; issuer: string; apiUrl: string | undefined; timeoutMs: number }
  /** Google's quota for Gmail, in units a minute. */
  gmail: { unitsPerUser: number; unitsPerProject: number }
  allowedOrigins: string[]
  trustProxy: string[]
  signInAllow: string[]
  rateLimit: { startsPerMinute: number; keyPerMinute: number }
  session: { idleSeconds: number; maxSeconds: number }
  flowTtlSeconds: number
  webhook: { url: string; secrets: string[]; allowPrivate: string[] } | undefined
  /** Where Gmail pushes that there is new mail, and how a push proves itself; without it mailboxes are polled. */
  gmailPush: { topic: string; account: string; audience: string; subscription: string | undefined } | undefined
  /** What the hosted pages look like: APP_NAME, APP_LOGO_URL, and APP_ACCENT as #rrggbb. */
  brand: Brand
  auditFile: string | undefined
  metricsToken: string | undefined
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

export interface Brand {
  name: string
  logoUrl: string | undefined
  accent: string | undefined
}

/**
 * Reads the configuration from environment variables.
 * @throws ConfigError naming every faulty variable at once
 */
export function parseConfig(variables: Variables): Config {
  const faults: ConfigFault[] = []
  const given = readVariables(variables, faults)
  const credentials = readCredentialsFile(given, faults)
  const parsed = Environment.safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const variable = String(issue.path[0])
    if (!faults.some(fault => fault.variable === variable)) faults.push({ variable, problem: issue.message })
  }
  faults.push(...contradictions(given), ...webhookFaults(given))
  const first = new Map(faults.toReversed().map(fault => [fault.variable, fault]))
  if (!parsed.success || faults.length > 0)
    throw new ConfigError(faults.filter(fault => first.get(fault.variable) === fault))
  const env = parsed.data
  return {
    host: env.HOST,
    port: env.PORT,
    publicUrl: new URL(env.PUBLIC_URL),
    mongodbUri: env.MONGODB_URI,
    sessionSecrets: env.SESSION_SECRETS,
    vaultKeys: parseKeyRing(env.VAULT_KEYS),
    google: {
      clientId: credentials?.client_id ?? env.GOOGLE_CLIENT_ID ?? '',
      clientSecret: credentials?.client_secret ?? env.GOOGLE_CLIENT_SECRET ?? '',
      issuer: env.GOOGLE_ISSUER,
      apiUrl: env.GOOGLE_API_URL,
      timeoutMs: env.GOOGLE_TIMEOUT_MS
    },
    gmail: { unitsPerUser: env.GMAIL_UNITS_PER_USER, unitsPerProject: env.GMAIL_UNITS_PER_PROJECT },
    allowedOrigins: env.ALLOWED_ORIGINS,
    trustProxy: env.TRUST_PROXY,
    signInAllow: env.SIGN_IN_ALLOW,
    rateLimit: { startsPerMinute: env.RATE_LIMIT_STARTS, keyPerMinute: env.RATE_LIMIT_KEY },
    session: { idleSeconds: env.SESSION_IDLE_SECONDS, maxSeconds: env.SESSION_MAX_SECONDS },
    flowTtlSeconds: env.FLOW_TTL_SECONDS,
    webhook: env.WEBHOOK_URL
      ? { url: env.WEBHOOK_URL, secrets: env.WEBHOOK_SECRETS, allowPrivate: env.WEBHOOK_ALLOW_PRIVATE }
      : undefined,
    gmailPush:
      env.GMAIL_PUBSUB_TOPIC && env.GMAIL_PUSH_ACCOUNT
        ? {
            topic: env.GMAIL_PUBSUB_TOPIC,
            account: env.GMAIL_PUSH_ACCOUNT,
            audience: env.GMAIL_PUSH_AUDIENCE ?? urlUnder(new URL(env.PUBLIC_URL), '/hooks/gmail').href,
            subscription: env.GMAIL_PUBSUB_SUBSCRIPTION
          }
        : undefined,
    brand: { name: env.APP_NAME, logoUrl: env.APP_LOGO_URL, accent: env.APP_ACCENT },
    auditFile: env.AUDIT_FILE,
    metricsToken: env.METRICS_TOKEN,
    logLevel: env.LOG_LEVEL
  }
}

/** What no single variable shows: settings that exclude or require each other, and those that would undo our safety. */
function contradictions(given: Variables): ConfigFault[] {
  const faults: ConfigFault[] = []
  const fault = (variable: string, problem: string) => faults.push({ variable, problem })
  if (!given.GOOGLE_CREDENTIALS_FILE) {
    for (const name of ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET']) {
      if (!given[name]) fault(name, 'is missing (or give GOOGLE_CREDENTIALS_FILE)')
    }
  }
  if (given.PUBLIC_URL?.startsWith('https:') && !given.TRUST_PROXY) {
    fault('TRUST_PROXY', 'is required when PUBLIC_URL is https: name the TLS proxy in front, or no cookie can be set')
  }
  if (given.WEBHOOK_URL && !given.WEBHOOK_SECRETS) fault('WEBHOOK_SECRETS', 'is required with WEBHOOK_URL')
  if (given.GMAIL_PUBSUB_TOPIC && !given.GMAIL_PUSH_ACCOUNT)
    fault('GMAIL_PUSH_ACCOUNT', 'is required with GMAIL_PUBSUB_TOPIC: it is how a push proves that it is yours')
  if (!given.GMAIL_PUBSUB_TOPIC && given.GMAIL_PUSH_ACCOUNT)
    fault('GMAIL_PUBSUB_TOPIC', 'is required with GMAIL_PUSH_ACCOUNT')
  if (given.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    fault('NODE_TLS_REJECT_UNAUTHORIZED', 'must not be 0: certificates are always verified')
  }
  // simple-oauth2 and the MongoDB driver's helpers print credentials and codes through the debug module.
  if (given.DEBUG?.split(/[\s,]+/).some(selectsSimpleOauth2)) {
    fault('DEBUG', 'must not select simple-oauth2: it would print secrets')
  }
  return faults
}

/** A pattern of the debug module that may match a name of simple-oauth2's: a star stands for any text. */
function selectsSimpleOauth2(pattern: string): boolean {
  const [head = '', ...stars] = pattern.split('*')
  return head.startsWith('simple-oauth2') || (stars.length > 0 && 'simple-oauth2'.startsWith(head))
}

/** A URL that points inside is refused here already, and at each delivery for what its name resolves to then. */
function webhookFaults({ WEBHOOK_URL, WEBHOOK_ALLOW_PRIVATE }: Variables): ConfigFault[] {
  const { data: allowed } = Environment.shape.WEBHOOK_ALLOW_PRIVATE.safeParse(WEBHOOK_ALLOW_PRIVATE)
  const problem = WEBHOOK_URL && allowed && faultOfWebhookUrl(WEBHOOK_URL, createAddressGuard(allowed))
  return problem ? [{ variable: 'WEBHOOK_URL', problem }] : []
}
