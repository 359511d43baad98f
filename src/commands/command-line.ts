import { parseArgs } from 'node:util'
import { ConfigError } from '../config/config-error.ts'
import { safeCodeOf } from '../observability/log.ts'
import { listParkedEvents, replayParkedEvents, resumeEvents } from './events.ts'
import { createKey, listKeys, revokeKey } from './keys.ts'
import { rotateVault } from './rotate-vault.ts'
import { printSecrets } from './secrets.ts'
import { CommandFailure, type Toolbox, UsageError, withToolbox } from './toolbox.ts'

const usage = `Usage:
  guichet secrets               print a fresh SESSION_SECRETS and VAULT_KEYS
  guichet keys create --name NAME --ops OPERATIONS [--services SERVICES] [--expires DAYS] [--json]
  guichet keys list [--json]
  guichet keys revoke ID
  guichet events parked [--json]  the events whose delivery was given up
  guichet events resume         deliver to a receiver again that answered 410
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

/** Where a command's words go: what the user asked for to standard output alone, everything else to standard error. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

async function run(args: string[], environment: NodeJS.ProcessEnv, output: Output): Promise<void> {
  const out = (text: string) => output.out(`${text}\n`)
  const note = (text: string) => output.err(`${text}\n`)
  const { positionals, values } = parse(args)
  if (values.help) return void out(usage.trimEnd())
  const [group, action, id] = positionals
  const over = (command: (tools: Toolbox) => Promise<void>) => withToolbox(environment, command)
  switch ([group, action].filter(Boolean).join(' ')) {
    case 'secrets':
      return printSecrets(out)
    case 'keys create':
      return over(tools => createKey(tools, values, { out, note }))
    case 'keys list':
      return over(tools => listKeys(tools, values, { out }))
    case 'keys revoke':
      return over(tools => revokeKey(tools, id, { note }))
    case 'events parked':
      return over(tools => listParkedEvents(tools, values, { out, note }))
    case 'events replay':
      return over(tools => replayParkedEvents(tools, { note }))
    case 'events resume':
      return over(tools => resumeEvents(tools, { note }))
    case 'vault rotate':
      return over(tools => rotateVault(tools, { progress: output.err, note }))
    default:
      throw new UsageError(group ? `There is no command «${positionals.join(' ')}».` : 'Name a command.')
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Runs `guichet …args`; resolves to the exit code. */
export async function runCommandLine(args: string[], environment: NodeJS.ProcessEnv, output: Output): Promise<number> {
  try {
    await run(args, environment, output)
    return 0
  } catch (error) {
    if (error instanceof UsageError) output.err(`${error.message}\n\n${usage}\n`)
    else if (error instanceof ConfigError) output.err(`${error.message}\n`)
    // A driver's message may quote the connection string.
    else output.err(`It failed: ${error instanceof CommandFailure ? error.message : safeCodeOf(error)}\n`)
    return 1
  }
}
