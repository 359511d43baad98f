import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from '../src/app.ts'
import { operations } from '../src/backend/keys.ts'
import { parseConfig } from '../src/config/config.ts'
import { connectGmail, path, startSurroundings } from './world.ts'

/*
 * openapi.json held against a running guichet by schemathesis: examples, coverage, fuzzing and stateful phases, all checks.
 * `node .ci/schemathesis.ts PROGRAM`. What it may not call, and the checks that do not fit, stand here with their reasons.
 */
const [program = 'schemathesis'] = process.argv.slice(2)
const closers: (() => unknown)[] = []
const { google, publicUrl, environment } = await startSurroundings({
  teardown: (close: () => unknown) => void closers.push(close)
})
google.usage.limits.unitsPerUser = 100_000_000
for (const service of ['calendar', 'drive']) google.redirectUris.add(`${publicUrl}/connect/${service}/callback`)

const app = await createServer({
  ...parseConfig({
    ...environment,
    SESSION_SECRETS: 'schemathesis'.repeat(4),
    VAULT_KEYS: `ci:${Buffer.alloc(32, 1).toString('base64')}`,
    AUDIT_FILE: '/dev/null',
    RATE_LIMIT_STARTS: '0',
    RATE_LIMIT_KEY: '0',
    GMAIL_UNITS_PER_USER: '100000000',
    GMAIL_UNITS_PER_PROJECT: '900000000'
  })
})
await app.listen({ host: '127.0.0.1', port: Number(environment.PORT) })
for (let number = 0; number < 3; number++)
  google.gmail('ada@example.com').receive(`Subject: mail ${number}\r\n\r\nHello`)
const { id, headers } = await connectGmail(google, publicUrl)
const { key } = await app.backendKeys.create({
  name: 'schemathesis',
  operations: [...operations],
  services: null,
  expiresAt: null
})

/** They end the session, the user or the connection that all others need; or, as the stream, never end. */
const left = ['signOut', 'eraseUser', 'disconnect', 'disconnectOwn', 'streamEvents', 'streamOwnEvents', 'finishSignIn']
/** Checks that do not fit some operations, and why. */
const unfitFor = [
  {
    check: 'ensure_resource_availability',
    operations: ['Label', 'OwnLabel'].flatMap(label => ['get', 'update', 'delete'].map(verb => verb + label)),
    reason: 'making a label that exists returns it, so that one made twice and deleted once is gone'
  },
  {
    check: 'use_after_free',
    operations: ['getWatch', 'getOwnWatch'],
    reason: 'a mailbox without a watch still answers: its status is off'
  }
]
const folder = mkdtempSync(join(tmpdir(), 'guichet-schemathesis-'))
writeFileSync(
  join(folder, 'schemathesis.toml'),
  `[parameters]
"path.id" = "${id}"

[checks]
# What is too long for a path or for the headers is 414 or 431, which the tool does not expect.
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "414", "415", "422", "429", "431", "5xx"]

[auth.openapi.session]
api_key = "${headers.cookie?.split('=').slice(1).join('=')}"

[auth.openapi.backendKey]
bearer = "${key}"
${unfitFor
  .flatMap(({ check, operations }) =>
    operations.map(
      operation => `
[[operations]]
include-operation-id = "${operation}"
checks.${check}.enabled = false`
    )
  )
  .join('\n')}
`
)
/** Checks that do not fit, and why. */
const unfit = {
  positive_data_acceptance: 'returnTo goes by ALLOWED_ORIGINS and ids by what Gmail has: no schema says either',
  unsupported_method: 'QUERY without a Content-Type is 400 (RFC 10008), before a route is looked for',
  allow_header_conformance: '`messages/get` is a path of `messages/{messageId}` too, so that GET is allowed there'
}
const options = {
  checks: 'all',
  'exclude-checks': Object.keys(unfit).join(),
  phases: 'examples,coverage,fuzzing,stateful',
  // Bounded by number and never by time: what is asked must be the same on every machine.
  'max-examples': '5',
  seed: '1',
  'request-timeout': '20',
  'generation-with-security-parameters': 'false'
}
const child = spawn(
  program,
  [
    ...['--config-file', join(folder, 'schemathesis.toml'), 'run', `${publicUrl}/openapi.json`],
    ...['--continue-on-failure', '--no-shrink', '--no-color'],
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ...left.flatMap(name => ['--exclude-operation-id', name])
  ],
  { cwd: folder, env: { ...process.env, PATH: path }, stdio: ['ignore', 'pipe', 'inherit'] }
)
let said = ''
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  said += text
})
await once(child, 'close')
await app.close()
for (const close of closers.reverse()) await close()
rmSync(folder, { recursive: true, force: true })

// The tool's own errors end it with 1 as well: what counts is what it says of guichet.
const cases = Number(/^ *(\d+) generated/m.exec(said)?.[1] ?? 0)
const failures = said.match(/^- ST\d+ .*$/gm) ?? []
const isBroken = cases < 2_000 || /schema error/i.test(said)
console.log(failures.length > 0 || isBroken ? said : said.slice(said.indexOf('=== SUMMARY')))
for (const [check, reason] of Object.entries(unfit)) console.log(`# without ${check}: ${reason}`)
for (const { check, operations, reason } of unfitFor)
  console.log(`# without ${check} of ${operations.join(', ')}: ${reason}`)
console.log(`${cases} cases, ${failures.length} failures`)
process.exit(failures.length > 0 || isBroken ? 1 : 0)
