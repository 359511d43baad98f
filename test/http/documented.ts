import { readFileSync } from 'node:fs'

interface Answer {
  $ref?: string
  content?: Record<string, { schema: { allOf?: { properties?: { code?: { enum: string[] } } }[] } }>
}

interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>
  components: { responses: Record<string, Answer> }
}

const { paths, components } = JSON.parse(
  readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')
) as OpenApi

const codesOf = ({ $ref = '', content }: Answer): string[] => {
  const { content: problem = content } = components.responses[$ref.split('/').at(-1) ?? ''] ?? {}
  return problem?.['application/problem+json']?.schema.allOf?.flatMap(part => part.properties?.code?.enum ?? []) ?? []
}

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses }]) => ({
    method: method.toUpperCase(),
    path: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
    refusals: Object.entries(responses).flatMap(([status, answer]) => codesOf(answer).map(code => `${status} ${code}`))
  }))
)

/** Whether openapi.json names that refusal at the operation of that request; true for what is no documented operation. */
export function isDocumented(request: { method: string; url: string }, refusal: string): boolean {
  const path = new URL(request.url, 'http://localhost').pathname
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const asked = operations.filter(operation => operation.method === method && operation.path.test(path))
  return asked.length === 0 || asked.some(({ refusals }) => refusals.includes(refusal))
}
