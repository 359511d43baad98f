import { z } from 'zod'
import { ConnectionView, DisconnectedView } from '../../src/http/views/connection.ts'
import { EventView } from '../../src/http/views/event.ts'
import { StartedView } from '../../src/http/views/flow.ts'
import { UserView } from '../../src/http/views/user.ts'

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

/** src/views.ts as plain declarations, for those who have the package and not guichet's sources. */
export function declareViews(): string {
  const views = { User: UserView, Connection: ConnectionView, Disconnected: DisconnectedView, Event: EventView }
  return Object.entries({ ...views, Started: StartedView })
    .map(([name, view]) => {
      const schema = z.toJSONSchema(view) as Schema
      return `export interface ${name} ${print(schema.$defs?.[name] ?? schema)}\n`
    })
    .join('\n')
}

function print(schema: Schema, indent = ''): string {
  if (schema.$ref) return schema.$ref.replace(/^.*\//, '')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map(one => JSON.stringify(one)).join(' | ')
  if (schema.anyOf) return schema.anyOf.map(one => print(one, indent)).join(' | ')
  if (schema.type === 'array') return `Array<${print(schema.items ?? {}, indent)}>`
  if (schema.type === 'integer') return 'number'
  if (Array.isArray(schema.type)) return schema.type.join(' | ')
  if (schema.type !== 'object') return schema.type ?? 'unknown'
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const comment = field.description ? `${indent}  /** ${field.description} */\n` : ''
    return `${comment}${indent}  ${name}${schema.required?.includes(name) ? '' : '?'}: ${print(field, `${indent}  `)}`
  })
  return `{\n${fields.join('\n')}\n${indent}}`
}
