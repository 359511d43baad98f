import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import { parseConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/config-error.ts'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')

/** Nothing but what must be given. */
const least = {
  PUBLIC_URL: 'http://localhost:3000',
  MONGODB_URI: 'mongodb://127.0.0.1/guichet',
  SESSION_SECRETS: 'a session secret of 32 characters or more',
  VAULT_KEYS: `k1:${key(1)}`,
  GOOGLE_CLIENT_ID: 'client.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET: 'a client secret'
}

function faultsOf(variables: Record<string, string | undefined>): ConfigError {
  try {
    parseConfig(variables)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

/** Refused for exactly these variables, without quoting their values. */
function isRefused(t: Test, changes: Record<string, string | undefined>, names: string[], comment: string): void {
  const error = faultsOf({ ...least, ...changes })
  t.same([...new Set(error.faults.map(({ variable }) => variable))].sort(), [...names].sort(), comment)
  for (const name of names) t.match(error.message, name)
  for (const value of Object.values(changes)) {
    // Words that the messages contain anyway.
    if (value && value.length > 4 && !/^(app\.example\.com|simple-oauth2)$/.test(value))
      t.notOk(error.message.includes(value), `${comment}: the value is not quoted`)
  }
}

t.test('[R57] config › only the required variables › the rest has its defaults', async t => {
  const config = parseConfig(least)
  t.match(config, {
    host: '127.0.0.1',
    port: 3000,
    google: { issuer: 'https://accounts.google.com', timeoutMs: 10_000, clientId: least.GOOGLE_CLIENT_ID },
    allowedOrigins: [],
    trustProxy: [],
    signInAllow: [],
    rateLimit: { startsPerMinute: 300, keyPerMinute: 60_000 },
    session: { idleSeconds: 86_400, maxSeconds: 604_800 },
    flowTtlSeconds: 600,
    logLevel: 'info'
  })
  t.equal(config.publicUrl.href, 'http://localhost:3000/')
  t.equal(config.webhook, undefined)
  t.equal(config.metricsToken, undefined)
})

t.test('[R57] config › each required variable that is missing or empty is named', async t => {
  for (const name of Object.keys(least)) {
    isRefused(t, { [name]: undefined }, [name], `${name} missing`)
    isRefused(t, { [name]: '' }, [name], `${name} empty`)
  }
})

const malformed: Record<string, string[]> = {
  HOST: ['localhost:3000', '127.0.0.1:3000', '[::1]', '[::1]:3000', 'http://localhost', '127.0.0.1.', '300.1.1.1', '*'],
  PORT: ['-1', '65536', '3e3', '80.5', '0x50', 'http', '1 2'],
  PUBLIC_URL: [
    'localhost:3000',
    'http://auth.example.com',
    'http://localhost.evil.example',
    'http://localhost:3000/',
    'http://localhost:3000/path/',
    'http://LOCALHOST:3000',
    'http://user:pass@localhost:3000',
    'ftp://localhost',
    'javascript:alert(1)',
    'http://localhost:3000?a=1',
    'http://localhost:6000'
  ],
  MONGODB_URI: [
    '127.0.0.1/guichet',
    'mongodb://127.0.0.1',
    'mongodb://127.0.0.1/',
    'mongodb://127.0.0.1/?w=1',
    'http://127.0.0.1/guichet',
    'mongodb://127.0.0.1/gui.chet',
    'mongodb://127.0.0.1/gui%2Echet',
    'mongodb://127.0.0.1/gui%20chet',
    'mongodb://127.0.0.1/gui$chet',
    'mongodb://127.0.0.1/gui/chet',
    'mongodb://127.0.0.1/gui%ZZ',
    `mongodb://127.0.0.1/${'g'.repeat(64)}`
  ],
  SESSION_SECRETS: [
    'too short',
    'x'.repeat(31),
    `${'x'.repeat(32)},short`,
    ',',
    ' ',
    `${'x'.repeat(32)}, ${'x'.repeat(32)}`
  ],
  VAULT_KEYS: [
    key(1),
    'k1:',
    `k1:${Buffer.alloc(31, 1).toString('base64')}`,
    `k1:${Buffer.alloc(33, 1).toString('base64')}`,
    `k1:${Buffer.alloc(32, 255).toString('base64url')}`,
    `k1:${Buffer.alloc(32, 1).toString('hex')}`,
    `k1:${key(1).slice(0, -1)}`,
    `k1:${key(1).slice(0, -4)}`,
    `k1:${'!'.repeat(43)}=`,
    `k.1:${key(1)}`,
    `k 1:${key(1)}`,
    `${'k'.repeat(33)}:${key(1)}`,
    `k1:${key(1)},k1:${key(2)}`,
    `k1:${key(1)},`,
    `k1:${key(1)},k0:${Buffer.alloc(16, 1).toString('base64')}`,
    `k1:${key(1)};k2:${key(2)}`
  ],
  GOOGLE_ISSUER: [
    'accounts.google.com',
    'http://accounts.google.com',
    'file:///etc/passwd',
    'https://user@issuer.example',
    'https://user:pass@issuer.example',
    'https://issuer.example?tenant=1',
    'https://issuer.example/#part',
    'https://issuer.example?',
    'https://issuer.example:6667'
  ],
  GOOGLE_API_URL: [
    'gmail.googleapis.com',
    'http://gmail.googleapis.com',
    'http://127.0.0.1.evil.example',
    'https://api.example/gmail',
    'https://api.example/?key=1',
    'https://user@api.example',
    'https://api.example:5060'
  ],
  ALLOWED_ORIGINS: [
    '*',
    'null',
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://App.example.com',
    'https://app.example.com:443',
    'https://user@app.example.com',
    'https://app.example.com,https://app.example.com',
    'https://a.example,*',
    'https://*.example.com'
  ],
  TRUST_PROXY: [
    'true',
    '*',
    'proxy.example.com',
    '10.0.0.0/1000',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::1/129',
    '1',
    'fe',
    '127.0.0.1,1',
    'loopback,*'
  ],
  SIGN_IN_ALLOW: [
    'a-domain.example',
    'ada@',
    'ada@example.com,example.org',
    'a b@example.com',
    '*@example.com',
    '*',
    '@*.example.com',
    '"ada@example.com"',
    "'ada@example.com'",
    '"ada"@example.com',
    '<ada@example.com>',
    'mailto:ada@example.com',
    '@example',
    '@',
    'ada.@example.com',
    '.ada@example.com',
    'a..da@example.com',
    '\u201cada@example.com\u201d',
    '\u00abada@example.com\u00bb',
    '@example.com,@example.com'
  ],
  RATE_LIMIT_STARTS: ['-1', 'off', '1.5', '1000001'],
  RATE_LIMIT_KEY: ['-1', 'unlimited'],
  SESSION_IDLE_SECONDS: ['0', '-1', '1d'],
  SESSION_MAX_SECONDS: ['0', '99999999999'],
  FLOW_TTL_SECONDS: ['0', '601', '10m'],
  GOOGLE_TIMEOUT_MS: ['0', '99', '15001', '10s'],
  GOOGLE_CLIENT_ID: ['client\u00e9.apps.googleusercontent.com'],
  GOOGLE_CLIENT_SECRET: ['the-secret-with-\u00e4'],
  WEBHOOK_SECRETS: [
    'hunter2hunter2',
    'whsec_AAAA',
    `whsec_${'A'.repeat(31)}`,
    `whsec_${'A'.repeat(33)}`,
    `whsec_${Buffer.alloc(23, 1).toString('base64')}`,
    `whsec_${Buffer.alloc(65, 1).toString('base64')}`,
    `whsec_${'!'.repeat(32)}`,
    `${'A'.repeat(44)}`
  ],
  METRICS_TOKEN: ['fifteen letters', 'sixteen letters \u00e4\u00f6'],
  LOG_LEVEL: ['verbose', 'INFO', '30']
}

t.test('[R57] config › a malformed value names its variable and is not quoted', async t => {
  for (const [name, values] of Object.entries(malformed)) {
    for (const [index, value] of values.entries())
      isRefused(t, { [name]: value }, [name], `${name} malformed (${index})`)
  }
})

t.test('[R57] config › invisible characters › trimmed around a value, refused by name inside it', async t => {
  const dir = t.testdir()
  for (const [position, [before, after]] of [
    [' ', ' '],
    ['\ufeff', '\r\n'],
    ['\u00a0', '\u2003\t']
  ].entries()) {
    const padded = Object.fromEntries(Object.entries(least).map(([name, value]) => [name, `${before}${value}${after}`]))
    t.same(parseConfig({ ...padded, PORT: `${before}3000${after}` }), parseConfig(least), `by variable (${position})`)
    const file = `${dir}/${position}.json`
    writeFileSync(file, `${before}${least.GOOGLE_CLIENT_SECRET}${after}`)
    const { google } = parseConfig({ ...least, GOOGLE_CLIENT_SECRET: undefined, GOOGLE_CLIENT_SECRET_FILE: file })
    t.equal(google.clientSecret, least.GOOGLE_CLIENT_SECRET, `by file (${position})`)
  }
  for (const [position, letter] of [
    '\n',
    '\r',
    '\t',
    '\0',
    '\u00a0',
    '\u2028',
    '\u200b',
    '\u2060',
    '\ufeff',
    '\u00ad',
    '\u202e'
  ].entries()) {
    const into = (value: string) => `${value.slice(0, -3)}${letter}${value.slice(-3)}`
    for (const [name, value] of Object.entries({
      ...least,
      HOST: 'localhost',
      METRICS_TOKEN: 'x'.repeat(20),
      AUDIT_FILE: '/dev/null'
    }))
      isRefused(t, { [name]: into(value) }, [name], `${name} (${position})`)
    const file = `${dir}/inside-${position}`
    writeFileSync(file, into(least.GOOGLE_CLIENT_SECRET))
    isRefused(
      t,
      { GOOGLE_CLIENT_SECRET: undefined, GOOGLE_CLIENT_SECRET_FILE: file },
      ['GOOGLE_CLIENT_SECRET', 'GOOGLE_CLIENT_SECRET_FILE'],
      'by file'
    )
    const without = { GOOGLE_CLIENT_ID: undefined, GOOGLE_CLIENT_SECRET: undefined }
    for (const web of [
      { client_id: into(least.GOOGLE_CLIENT_ID), client_secret: least.GOOGLE_CLIENT_SECRET },
      { client_id: least.GOOGLE_CLIENT_ID, client_secret: into(least.GOOGLE_CLIENT_SECRET) }
    ]) {
      writeFileSync(file, JSON.stringify({ web }))
      isRefused(t, { ...without, GOOGLE_CREDENTIALS_FILE: file }, ['GOOGLE_CREDENTIALS_FILE'], 'by the console')
    }
  }
})

t.test('[R57] config › a port that fetch refuses to call is refused wherever it is named', async t => {
  const { badPorts } = createRequire(import.meta.url)('undici/lib/web/fetch/constants.js') as { badPorts: string[] }
  t.ok(badPorts.length > 50)
  for (const port of badPorts) {
    const faults = faultsOf({
      ...least,
      PUBLIC_URL: `http://localhost:${port}`,
      GOOGLE_ISSUER: `https://issuer.example:${port}`,
      GOOGLE_API_URL: `https://api.example:${port}`,
      WEBHOOK_URL: `https://hooks.example.com:${port}`,
      WEBHOOK_SECRETS: `whsec_${key(3)}`
    }).faults
    t.same(
      faults.map(({ variable }) => variable).sort(),
      ['GOOGLE_API_URL', 'GOOGLE_ISSUER', 'PUBLIC_URL', 'WEBHOOK_URL'],
      port
    )
  }
})

t.test('[R57] config › valid values › accepted', async t => {
  for (const [name, values] of Object.entries({
    HOST: ['0.0.0.0', '::', '::1', 'localhost', 'my-host.internal', 'guichet_1'],
    GOOGLE_ISSUER: ['https://accounts.google.com/', 'https://issuer.example/tenant', 'http://localhost:9000'],
    GOOGLE_API_URL: ['https://gmail.googleapis.com', 'https://gmail.googleapis.com/', 'http://127.0.0.1:9000'],
    SIGN_IN_ALLOW: ["O'Brien+x@example.com, @b\u00fccher.example", '@gmail.com'],
    MONGODB_URI: [
      'mongodb://u:p%40ss@a.example,b.example/guichet?replicaSet=rs0',
      'mongodb+srv://a.example/gui-chet_2'
    ],
    WEBHOOK_SECRETS: [24, 25, 26, 64].map(bytes => `whsec_${Buffer.alloc(bytes, 251).toString('base64')}`)
  })) {
    for (const value of values) t.ok(parseConfig({ ...least, [name]: value }), `${name}=${value}`)
  }
})

t.test('[R57] config › Google’s issuer in any spelling of its URL › is Google’s', async t => {
  for (const GOOGLE_ISSUER of [
    'https://accounts.google.com/',
    'HTTPS://Accounts.Google.com',
    'https://accounts.google.com:443'
  ])
    t.equal(parseConfig({ ...least, GOOGLE_ISSUER }).google.issuer, 'https://accounts.google.com', GOOGLE_ISSUER)
  t.equal(parseConfig({ ...least, GOOGLE_ISSUER: 'https://Issuer.example/' }).google.issuer, 'https://Issuer.example/')
})

t.test('[R57] config › all faults are named at once', async t => {
  const everything = Object.fromEntries(Object.entries(malformed).map(([name, [value]]) => [name, value]))
  isRefused(t, everything, Object.keys(malformed), 'every variable malformed')
  isRefused(t, Object.fromEntries(Object.keys(least).map(name => [name, ''])), Object.keys(least), 'nothing given')
  const inside = { WEBHOOK_URL: 'http://10.0.0.1/', WEBHOOK_SECRETS: `whsec_${key(3)}`, SESSION_SECRETS: 'short' }
  isRefused(t, inside, ['WEBHOOK_URL', 'SESSION_SECRETS'], 'one of its own rule, and one of the schema')
})

t.test('[R57] config › settings that contradict each other are refused', async t => {
  const https = { PUBLIC_URL: 'https://auth.example.com' }
  isRefused(t, https, ['TRUST_PROXY'], 'https without the proxy that ends it')
  t.ok(parseConfig({ ...least, ...https, TRUST_PROXY: 'loopback' }))
  const webhook = { WEBHOOK_URL: 'https://hooks.example.com/guichet' }
  isRefused(t, webhook, ['WEBHOOK_SECRETS'], 'a webhook that nothing signs')
  isRefused(t, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, ['NODE_TLS_REJECT_UNAUTHORIZED'], 'certificates not verified')
  for (const DEBUG of [
    '*',
    'simple-oauth2',
    'simple-oauth2:*',
    'app,*',
    'app simple-oauth2:client',
    's*',
    'simple*',
    'simple-*:*'
  ]) {
    isRefused(t, { DEBUG }, ['DEBUG'], 'secrets would be printed')
  }
  t.ok(parseConfig({ ...least, DEBUG: 'fastify:*', NODE_TLS_REJECT_UNAUTHORIZED: '1' }))
})

t.test('[R57] config › a secret may come from a file, and only from one place', async t => {
  const dir = t.testdir({
    secret: `${'s'.repeat(40)}\n`,
    empty: '',
    'with-mark': `\uFEFF${'s'.repeat(40)}`,
    folder: {}
  })
  for (const name of [
    'SESSION_SECRETS_FILE',
    'MONGODB_URI_FILE',
    'VAULT_KEYS_FILE',
    'GOOGLE_CLIENT_SECRET_FILE',
    'WEBHOOK_SECRETS_FILE',
    'METRICS_TOKEN_FILE'
  ]) {
    const plain = name.replace('_FILE', '')
    for (const file of ['absent', 'empty', 'folder']) {
      const error = faultsOf({ ...least, [plain]: undefined, [name]: `${dir}/${file}` })
      t.ok(
        error.faults.some(({ variable }) => variable === name),
        `${name} names no good file`
      )
      t.notOk(error.message.includes(dir), 'the path is a value too')
    }
    isRefused(
      t,
      { [plain]: (least as Record<string, string>)[plain] ?? 'x'.repeat(20), [name]: `${dir}/secret` },
      [plain],
      `${plain} twice`
    )
  }
  for (const file of ['secret', 'with-mark']) {
    const config = parseConfig({ ...least, SESSION_SECRETS: undefined, SESSION_SECRETS_FILE: `${dir}/${file}` })
    t.same(config.sessionSecrets, ['s'.repeat(40)])
  }
})

t.test("[R57] config › the console's JSON file replaces client id and secret", async t => {
  const web = { client_id: 'from-the-file', client_secret: 'the secret in the file', redirect_uris: [] }
  const dir = t.testdir({
    'good.json': JSON.stringify({ web }),
    'installed.json': JSON.stringify({ installed: web }),
    'half.json': JSON.stringify({ web: { client_id: 'from-the-file' } }),
    'empty-id.json': JSON.stringify({ web: { ...web, client_id: '' } }),
    'broken.json': '{"web":{"client_id":"from-the-file"'
  })
  const without = { GOOGLE_CLIENT_ID: undefined, GOOGLE_CLIENT_SECRET: undefined }
  const { google } = parseConfig({ ...least, ...without, GOOGLE_CREDENTIALS_FILE: `${dir}/good.json` })
  t.match(google, { clientId: 'from-the-file', clientSecret: 'the secret in the file' })
  for (const file of ['installed', 'half', 'empty-id', 'broken', 'absent']) {
    isRefused(t, { ...without, GOOGLE_CREDENTIALS_FILE: `${dir}/${file}.json` }, ['GOOGLE_CREDENTIALS_FILE'], file)
  }
  isRefused(t, { GOOGLE_CREDENTIALS_FILE: `${dir}/good.json` }, ['GOOGLE_CREDENTIALS_FILE'], 'both ways')
})
