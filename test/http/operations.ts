import type { FastifyInstance, InjectOptions } from 'fastify'
import { operations } from '../../src/backend/keys.ts'

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  pattern?: string
}

interface Parameter {
  name: string
  in: 'path' | 'query'
  schema: Schema
}

/** One operation of the contract, from its OpenAPI document. */
export interface Operation {
  method: 'GET' | 'POST' | 'DELETE'
  /** With its parameters in braces: `/connections/{id}`. */
  path: string
  pathNames: string[]
  queryNames: string[]
  bodyNames: string[]
  takesBody: boolean
  patterns: string[]
}

interface OpenApi {
  paths: Record<
    string,
    Record<string, { parameters?: Parameter[]; requestBody?: { content: Record<string, { schema: Schema }> } }>
  >
}

/** Every operation that is documented; those that end what others need come last. */
export async function operationsOf(app: FastifyInstance): Promise<Operation[]> {
  const { paths } = (await app.inject('/openapi.json')).json<OpenApi>()
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]): Operation => {
      const body = Object.values(requestBody?.content ?? {})[0]?.schema
      const properties = body?.properties ?? body?.anyOf?.find(one => one.properties)?.properties ?? {}
      const named = (place: string) => parameters.filter(one => one.in === place).map(({ name }) => name)
      return {
        method: method.toUpperCase() as Operation['method'],
        path: path.length > 1 ? path.replace(/\/$/, '') : path,
        pathNames: named('path'),
        queryNames: named('query'),
        bodyNames: Object.keys(properties),
        takesBody: body !== undefined,
        patterns: patternsIn(JSON.stringify([parameters, requestBody]))
      }
    })
  )
  // A stream ends with its session alone, and inject would wait for that: its own tests read it over a socket.
  return operations
    .filter(({ path }) => !path.endsWith('/gmail/stream'))
    .sort((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'))
}

function patternsIn(json: string): string[] {
  return [...json.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(([, text = '""]']) => JSON.parse(text) as string)
}

export interface Filling {
  path?: Record<string, string>
  query?: string
  body?: unknown
}

/** A request for it, with harmless values where none are given. Path values are inserted as they are. */
export function toRequest(
  { method, path, takesBody }: Operation,
  { path: values = {}, query = '', body }: Filling = {}
): InjectOptions & { url: string } {
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x1') + (query && `?${query}`)
  return {
    method,
    url,
    ...((body !== undefined || takesBody) && {
      headers: { 'content-type': 'application/json' },
      payload: typeof body === 'string' ? body : JSON.stringify(body ?? {})
    })
  }
}

/** A key with every operation. */
export async function createKey(app: FastifyInstance): Promise<string> {
  const { key } = await app.backendKeys.create({
    name: 'b',
    operations: [...operations],
    services: null,
    expiresAt: null
  })
  return `Bearer ${key}`
}
