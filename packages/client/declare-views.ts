import { z } from 'zod'
import { SentView } from '../../src/http/sending.ts'
import { ConnectionView, DisconnectedView } from '../../src/http/views/connection.ts'
import { EventView } from '../../src/http/views/event.ts'
import { StartedView } from '../../src/http/views/flow.ts'
import { UserView } from '../../src/http/views/user.ts'
import { OutgoingMail } from '../../src/services/gmail/outgoing.ts'
import { FailedItem, MessageSummary, MessageView } from '../../src/services/gmail/views.ts'

/** The part of JSON Schema that views use. */
interface Schema {
  $defs?: Record<string, Schema>
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: unknown
  description?: string
}

const views = {
  User: UserView,
  Connection: ConnectionView,
  Disconnected: DisconnectedView,
  Event: EventView,
  Started: StartedView,
  GmailMessageSummary: MessageSummary,
  GmailMessage: MessageView,
  GmailFailedItem: FailedItem,
  GmailOutgoingMail: OutgoingMail,
  GmailSent: SentView
}

/** src/views.ts: guichet's views as plain declarations, for those who have the package and not guichet's sources. */
export function declareViews(): string {
  const named = new Map<string, Schema>()
  for (const [name, view] of Object.entries(views)) {
    // What is sent is declared as it goes out: with a default of guichet's, a field may be left out.
    const schema = z.toJSONSchema(view, { io: view === OutgoingMail ? 'input' : 'output' }) as Schema
    // Those that it refers to come with it, itself among them where it has a name.
    for (const [other, part] of Object.entries(schema.$defs ?? {})) named.set(other, part)
    named.set(name, schema.$defs?.[name] ?? schema)
  }
  const declarations = [...named].map(([name, schema]) => {
    const base = named.get(`${name}Summary`)
    if (!base) return `export interface ${name} ${print(schema)}\n`
    return `export interface ${name} extends ${name}Summary ${print(without(base, schema))}\n`
  })
  return `// Written by \`npm run client\` from the schemas of src/http/views.\n\n${declarations.join('\n')}`
}

/** The schema without the fields that it has from its base. */
function without(base: Schema, { properties = {}, ...schema }: Schema): Schema {
  const own = Object.entries(properties).filter(([name]) => !base.properties?.[name])
  return { ...schema, properties: Object.fromEntries(own) }
}

function print(schema: Schema, indent = ''): string {
  if (schema.$ref) return schema.$ref.replace(/^.*\//, '')
  if (schema.const !== undefined) return quote(schema.const)
  if (schema.enum) return schema.enum.map(quote).join(' | ')
  if (schema.anyOf) return schema.anyOf.map(one => print(one, indent)).join(' | ')
  if (schema.type === 'array') return `Array<${print(schema.items ?? {}, indent)}>`
  if (schema.type === 'integer') return 'number'
  if (Array.isArray(schema.type)) return schema.type.join(' | ')
  if (schema.type !== 'object') return schema.type ?? 'unknown'
  if (!schema.properties) {
    const { additionalProperties: value } = schema
    return `Record<string, ${typeof value === 'object' ? print(value as Schema, indent) : 'unknown'}>`
  }
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const comment = field.description ? `${indent}  /** ${field.description} */\n` : ''
    return `${comment}${indent}  ${name}${schema.required?.includes(name) ? '' : '?'}: ${print(field, `${indent}  `)}`
  })
  return `{\n${fields.join('\n')}\n${indent}}`
}

const quote = (value: unknown) => JSON.stringify(value).replaceAll('"', "'")
