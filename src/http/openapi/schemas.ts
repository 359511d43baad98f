import type { OpenapiDocument, Schema } from './document.ts'

const prefix = '#/components/schemas/'
const suffix = 'Input'

/**
 * Gives each schema one name. Every named schema is described twice, as it is taken and, under a name that ends in
 * `Input`, as it is given; none of ours is used both ways, so the one that is in use keeps the name.
 */
export function nameSchemasOnce(document: OpenapiDocument): void {
  const schemas = document.components?.schemas ?? {}
  const used = reach(document.paths, schemas)
  const kept: Record<string, Schema> = {}
  for (const name of [...used].sort()) {
    const plain =
      name.endsWith(suffix) && name.slice(0, -suffix.length) in schemas ? name.slice(0, -suffix.length) : name
    if (plain in kept || (plain !== name && used.has(plain))) throw new Error(`${plain} is both taken and given`)
    kept[plain] = schemas[name] ?? {}
    if (plain !== name) rename(document, prefix + name, prefix + plain)
  }
  if (document.components) document.components.schemas = kept
  eachSchema(document, readable)
}

/** The names of all schemas that `from` leads to. */
function reach(from: unknown, schemas: Record<string, Schema>, found = new Set<string>()): Set<string> {
  eachSchema(from, ({ $ref }) => {
    const name = $ref?.startsWith(prefix) ? $ref.slice(prefix.length) : undefined
    if (name === undefined || found.has(name)) return
    found.add(name)
    reach(schemas[name], schemas, found)
  })
  return found
}

function rename(document: OpenapiDocument, from: string, to: string): void {
  eachSchema(document, schema => {
    if (schema.$ref === from) schema.$ref = to
  })
}

/**
 * Says in ranges what only JavaScript reads as a Unicode property (lone surrogates are in no JSON that is sent), and
 * plainly what is a choice of one.
 */
function readable(schema: Schema): void {
  if (schema.anyOf?.length === 1) {
    Object.assign(schema, schema.anyOf[0])
    delete schema.anyOf
  }
  if (typeof schema.pattern !== 'string') return
  schema.pattern = schema.pattern.replaceAll('\\p{Cc}', '\\u0000-\\u001f\\u007f-\\u009f').replaceAll('\\p{Cs}', '')
}

/** Every object in it, schemas among them. */
function eachSchema(value: unknown, visit: (schema: Schema) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) visit(value)
  for (const member of Object.values(value)) eachSchema(member, visit)
}
