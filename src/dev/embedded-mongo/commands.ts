import { adminCommands } from './admin-commands.ts'
import type { Cursors } from './cursors.ts'
import { CommandError, toErrorReply } from './errors.ts'
import { indexCommands } from './index-commands.ts'
import { readCommands } from './read-commands.ts'
import type { Store } from './store.ts'
import { type Doc, own } from './values.ts'
import { writeCommands } from './write-commands.ts'

export interface Request {
  command: Doc
  db: string
  store: Store
  cursors: Cursors
  /** The server's clock, read once per command: every `$$NOW` of it is the same instant. */
  now: Date
  connectionId: number
}

/** Answers one command, synchronously: that is what makes each atomic. */
export type Handler = (request: Request) => Doc

const handlers: Readonly<Record<string, Handler>> = {
  ...adminCommands,
  ...readCommands,
  ...writeCommands,
  ...indexCommands
}

/** Never throws: every failure is an answer with `ok: 0`. */
export function runCommand(request: Omit<Request, 'db'>, isLegacy: boolean): Doc {
  try {
    const { command } = request
    const name = Object.keys(command)[0] ?? ''
    if (isLegacy && name.toLowerCase() !== 'ismaster' && name !== 'hello') {
      throw new CommandError(352, `Unsupported OP_QUERY command: ${name}. The client driver may require an upgrade.`)
    }
    if (own(command, 'startTransaction') !== undefined || own(command, 'autocommit') !== undefined) {
      throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
    }
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (!handler) throw new CommandError(59, `command not supported by the embedded stand-in: ${name}`)
    const db = own(command, '$db')
    return { ...handler({ ...request, db: typeof db === 'string' ? db : 'admin' }), ok: 1 }
  } catch (error) {
    return toErrorReply(error)
  }
}
