import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderOpenapi } from '../../docs/openapi-docs.ts'
import { enter, problemOf } from '../helper.ts'
import { operationsOf, toRequest } from './operations.ts'

interface Described {
  operationId?: string
  summary?: string
  security?: Record<string, unknown>[]
  responses: Record<string, { $ref?: string; description: string; content?: Record<string, unknown> }>
}

interface Document {
  paths: Record<string, Record<string, Described>>
  components: {
    schemas: Record<string, unknown>
    responses: Record<string, { content: Record<string, { schema: { allOf: object[] } }> }>
  }
}

/** The codes that the document says an operation may answer with that status. */
function codesOf({ components }: Document, { responses }: Described, status: number): string[] {
  const name = responses[status]?.$ref?.split('/').at(-1) ?? ''
  const { allOf: [, own] = [] } = components.responses[name]?.content['application/problem+json']?.schema ?? {}
  return (own as { properties: { code: { enum: string[] } } } | undefined)?.properties.code.enum ?? []
}

t.test('openapi.json › the file in the repository › is what the routes say: npm run docs', async t => {
  const file = readFileSync(join(import.meta.dirname, '../../openapi.json'), 'utf8')
  t.ok(file === (await renderOpenapi()), 'npm run docs')
  const { paths, components } = JSON.parse(file) as Document
  const ids = Object.values(paths).flatMap(methods => Object.values(methods).map(({ operationId }) => operationId))
  t.equal(new Set(ids).size, ids.length, 'an operationId each')
  t.notOk(ids.includes(undefined))
  t.same(
    Object.keys(components.schemas).filter(name => name.endsWith('Input')),
    [],
    'a schema has one name'
  )
  t.notMatch(file, '\\\\p{', 'no pattern that only JavaScript reads')
})

t.test('openapi.json › each operation’s security › is what really guards it', async t => {
  const { app, browser } = await enter(t)
  const document = (await app.inject('/openapi.json')).json<Document>()
  const { paths } = document
  const opened = { session: 0, backendKey: 0, nothing: 0 }
  for (const operation of await operationsOf(app)) {
    // The callback: without a session its state belongs to no one.
    if (operation.path.endsWith('/callback')) continue
    const described = paths[operation.path]?.[operation.method.toLowerCase()]
    const [scheme = 'nothing'] = Object.keys(described?.security?.[0] ?? {}) as (keyof typeof opened)[]
    opened[scheme] += 1
    const body = operation.path.endsWith('batchModify') ? { ids: ['x1'], addLabels: ['STARRED'] } : undefined
    const answer = await browser().request(toRequest(operation, { body }))
    const codes = { session: 'unauthenticated', backendKey: 'backend_key_invalid' }
    const what = `${operation.method} ${operation.path}`
    if (scheme === 'nothing') t.not(answer.statusCode, 401, what)
    else t.equal(problemOf(answer).code, codes[scheme], what)
    if (answer.statusCode < 400) t.ok(described?.responses[answer.statusCode], what)
    else if (described) t.ok(codesOf(document, described, answer.statusCode).includes(problemOf(answer).code), what)
  }
  t.ok(opened.session > 15 && opened.backendKey > 15 && opened.nothing > 5, JSON.stringify(opened))
})

t.test('openapi.json › answers have names, errors are problems, and navigations go on', async t => {
  const { app } = await enter(t)
  const { paths, components } = (await app.inject('/openapi.json')).json<Document>()
  const all = Object.values(paths).flatMap(methods => Object.values(methods))
  for (const { summary = '', responses } of all) {
    for (const [status, { $ref, description, content }] of Object.entries(responses)) {
      t.not(description, 'Default Response', summary)
      const isPage = content !== undefined && 'text/html' in content
      t.equal(Number(status) >= 400 && !isPage, $ref !== undefined, summary)
    }
  }
  for (const { content } of Object.values(components.responses))
    t.same(Object.keys(content), ['application/problem+json'])
  t.match(paths['/start'], {
    get: { responses: { 200: { content: { 'text/html': {} } } } },
    post: {
      requestBody: { content: { 'application/x-www-form-urlencoded': {} } },
      responses: { 303: { description: 'See Other' } }
    }
  })
})

t.test('docs › the viewer loads nothing from other hosts', async t => {
  const { app } = await enter(t)
  const { body, headers, statusCode } = await app.inject('/docs')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/html/)
  const policy = String(headers['content-security-policy'])
  t.match(policy, "default-src 'none'; script-src 'self'; style-src 'self';")
  t.notMatch(policy, /unsafe|https?:/)
  t.notMatch(body, /style=|<script>|https?:|\{\{/)
  const files = [...body.matchAll(/(?:src|href)="([^:"]+)"/g)].map(([, file = '']) => file)
  t.same(files, ['docs/viewer.css', 'openapi.json', 'docs/viewer.js', 'docs/open.js'], 'relative: right under any path')
  for (const file of files) {
    const answer = await app.inject(`/${file}`)
    t.equal(answer.statusCode, 200, file)
    t.equal(answer.headers['x-content-type-options'], 'nosniff', file)
  }
})
