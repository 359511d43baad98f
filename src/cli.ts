#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { listParkedEvents, replayParkedEvents } from './commands/events.ts'
import { createKey, listKeys, revokeKey } from './commands/keys.ts'
import { rotateVault } from './commands/rotate-vault.ts'
import { printSecrets } from './commands/secrets.ts'
import { type Toolbox, UsageError, withToolbox } from './commands/toolbox.ts'
import { ConfigError } from './config/config.ts'

const usage = `Usage:
  guichet secrets               print a fresh SESSION_SECRETS and VAULT_KEYS
  guichet keys create --name NAME --ops OPERATIONS [--services SERVICES] [--expires DAYS] [--json]
  guichet keys list [--json]
  guichet keys revoke ID
  guichet events parked [--json]  the events whose delivery was given up
  guichet events replay         deliver them after all, also to a receiver that answered 410
  guichet vault rotate          seal everything anew under the first of VAULT_KEYS

OPERATIONS is a comma list of tokens:vend, connections:read, connections:delete, tickets:create, gmail:read,
gmail:modify, gmail:send, calendar:read, events:read; SERVICES one of gmail, calendar, drive. All but secrets read the server's environment.
`

const options = {
  name: { type: 'string' },
  ops: { type: 'string' },
  services: { type: 'string' },
  expires: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false }
} as const

/** What the user asked for goes to standard output alone; everything else to standard error. */
const out = (text: string) => process.stdout.write(`${text}\n`)
const note = (text: string) => process.stderr.write(`${text}\n`)

async function main(): Promise<void> {
  const { positionals, values } = parse()
  if (values.help) return void out(usage.trimEnd())
  const [group, action, id] = positionals
  const run = (command: (tools: Toolbox) => Promise<void>) => withToolbox(process.env, command)
  switch ([group, action].filter(Boolean).join(' ')) {
    case 'secrets':
      return printSecrets(out)
    case 'keys create':
      return run(tools => createKey(tools, values, { out, note }))
    case 'keys list':
      return run(tools => listKeys(tools, values, { out }))
    case 'keys revoke':
      return run(tools => revokeKey(tools, id, { note }))
    case 'events parked':
      return run(tools => listParkedEvents(tools, values, { out, note }))
    case 'events replay':
      return run(tools => replayParkedEvents(tools, { note }))
    case 'vault rotate':
      return run(tools => rotateVault(tools, { progress: text => process.stderr.write(text), note }))
    default:
      throw new UsageError(group ? `There is no command «${positionals.join(' ')}».` : 'Name a command.')
  }
}

function parse() {
  try {
    return parseArgs({ args: process.argv.slice(2), allowPositionals: true, options })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

main().catch(error => {
  process.exitCode = 1
  if (error instanceof UsageError) note(`${error.message}\n\n${usage}`)
  else if (error instanceof ConfigError) note(error.message)
  // A driver's message may quote the connection string.
  else note(`It failed: ${error?.code ?? error?.name ?? 'unknown error'}`)
})
