import { parseArgs } from 'node:util'
import { operations } from '../backend/keys.ts'
import { services } from '../catalogue.ts'
import { ConfigError } from '../config/config-error.ts'
import { safeCodeOf } from '../observability/log.ts'
import { listConnections, showConnection } from './connections.ts'
import { runDoctor } from './doctor/print.ts'
import { listEvents, listParkedEvents, replayParkedEvents, resumeEvents, tailEvents } from './events.ts'
import { createKey, listKeys, revokeKey } from './keys.ts'
import { rotateVault } from './rotate-vault.ts'
import { printSecrets } from './secrets.ts'
import { CommandFailure, type Toolbox, UsageError, withToolbox } from './toolbox.ts'

const options = {
  name: { type: 'string' },
  ops: { type: 'string' },
  services: { type: 'string' },
  expires: { type: 'string' },
  user: { type: 'string' },
  'external-id': { type: 'string' },
  service: { type: 'string' },
  status: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false }
} as const

/** Where a command's words go: what the user asked for to standard output alone, everything else to standard error. */
export interface Output {
  out(text: string): void
  err(text: string): void
  /** Whether standard output shows colours. */
  colour?: boolean
}

interface Call {
  values: ReturnType<typeof parse>['values']
  id: string | undefined
  environment: NodeJS.ProcessEnv
  out(text: string): void
  note(text: string): void
  progress(text: string): void
  colour: boolean
  over(command: (tools: Toolbox) => Promise<void>): Promise<void>
}

interface Command {
  name: string
  takes?: string
  does: string
  /** What else its own help says. */
  more?: string
  run(call: Call): Promise<void> | void
}

const commands: readonly Command[] = [
  {
    name: 'secrets',
    does: 'print a fresh SESSION_SECRETS and VAULT_KEYS',
    more: 'Needs no environment. Put the two lines into .env or a store of secrets; nothing else knows them.',
    run: ({ out }) => printSecrets(out)
  },
  {
    name: 'doctor',
    takes: '[--json]',
    does: 'check the whole set-up, and say how to fix it',
    more: `Looks at the environment, the database (version, majority, indexes, clock), the vault's keys, Google's client and
redirect URIs, Testing mode, Google's APIs, the proxy and the cookie, CORS, the webhook (it sends one signed event of the
type guichet.test) and Pub/Sub. It changes nothing and prints no secret. Ends with 1 if anything is at fault.`,
    run: ({ environment, values, out, colour }) => runDoctor(environment, values, { out, colour })
  },
  {
    name: 'keys create',
    takes: '--name NAME --ops OPERATIONS [--services SERVICES] [--expires DAYS] [--json]',
    does: 'make a backend key',
    more: `Standard output gets only the key, and only this once: it is stored hashed.
OPERATIONS is a comma list of ${operations.join(', ')};
SERVICES one of ${services.map(({ id }) => id).join(', ')}; without it the key is for all.`,
    run: ({ over, values, out, note }) => over(tools => createKey(tools, values, { out, note }))
  },
  {
    name: 'keys list',
    takes: '[--json]',
    does: 'list the keys: what each may do, and until when',
    run: ({ over, values, out }) => over(tools => listKeys(tools, values, { out }))
  },
  {
    name: 'keys revoke',
    takes: 'ID',
    does: 'end a key, on every replica within five seconds',
    run: ({ over, id, note }) => over(tools => revokeKey(tools, id, { note }))
  },
  {
    name: 'connections list',
    takes: '[--user ID] [--external-id ID] [--service SERVICE] [--status STATUS] [--json]',
    does: 'list connections and their state',
    more: 'STATUS is one of active, partial, needs_reconnect. --json gives one object a line.',
    run: ({ over, values, out, note }) => over(tools => listConnections(tools, values, { out, note }))
  },
  {
    name: 'connections show',
    takes: 'ID [--json]',
    does: 'show one connection, as the API does',
    run: ({ over, id, values, out }) => over(tools => showConnection(tools, id, values, { out }))
  },
  {
    name: 'events list',
    takes: '[--limit N] [--json]',
    does: 'list the newest events',
    more: 'N is 20 unless given. --json gives one event a line, as GET /v1/events has it.',
    run: ({ over, values, out }) => over(tools => listEvents(tools, values, { out }))
  },
  {
    name: 'events tail',
    takes: '[--limit N] [--json]',
    does: 'print events as they happen, until Ctrl-C or N of them',
    run: ({ over, values, out }) => over(tools => tailEvents(tools, values, { out }))
  },
  {
    name: 'events parked',
    takes: '[--json]',
    does: 'list the events whose delivery was given up',
    run: ({ over, values, out, note }) => over(tools => listParkedEvents(tools, values, { out, note }))
  },
  {
    name: 'events replay',
    does: 'deliver them after all, also to a receiver that answered 410',
    run: ({ over, note }) => over(tools => replayParkedEvents(tools, { note }))
  },
  {
    name: 'events resume',
    does: 'deliver again to a receiver that answered 410; what was given up stays so',
    run: ({ over, note }) => over(tools => resumeEvents(tools, { note }))
  },
  {
    name: 'vault rotate',
    does: 'seal everything again under the first of VAULT_KEYS',
    more: `Runs while replicas serve, and goes on where it was stopped. Every replica must have the new key in front before.
Ends with 1 while something is left.`,
    run: ({ over, progress, note }) => over(tools => rotateVault(tools, { progress, note }))
  }
]

/** The help of those commands: a line each, or everything about a single one. */
function toUsage(of: readonly Command[]): string {
  const [only] = of
  if (of.length === 1 && only)
    return [`Usage: guichet ${[only.name, only.takes].filter(Boolean).join(' ')}`, '', capital(only.does), only.more]
      .filter(line => line !== undefined)
      .join('\n')
  const lines = of.map(({ name, does }) => `  guichet ${name.padEnd(18)} ${does}`)
  return `Usage:\n${lines.join('\n')}\n\n«guichet COMMAND --help» says more. All but secrets read the server's environment.`
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

async function run(args: string[], environment: NodeJS.ProcessEnv, output: Output): Promise<void> {
  const { positionals, values } = parse(args)
  const words = positionals.join(' ')
  const meant = commands.filter(({ name }) => `${words} `.startsWith(`${name} `))
  const near = meant.length > 0 ? meant : commands.filter(({ name }) => name.startsWith(`${words} `))
  if (values.help) return void output.out(`${toUsage(near.length > 0 ? near : commands)}\n`)
  const [command] = meant
  if (!command) throw new UsageError(words ? `There is no command «${words}».` : 'Name a command.')
  await command.run({
    values,
    id: positionals[command.name.split(' ').length],
    environment,
    out: text => output.out(`${text}\n`),
    note: text => output.err(`${text}\n`),
    progress: text => output.err(text),
    colour: output.colour ?? false,
    over: work => withToolbox(environment, work)
  })
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
    if (error instanceof UsageError) output.err(`${error.message}\n\n${toUsage(commands)}\n`)
    else if (error instanceof ConfigError) output.err(`${error.message}\n`)
    // A driver's message may quote the connection string.
    else output.err(`It failed: ${error instanceof CommandFailure ? error.message : safeCodeOf(error)}\n`)
    return 1
  }
}
