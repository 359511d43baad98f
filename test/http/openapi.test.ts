import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gmailFault } from '@guichet/fake-google/gmail-errors'
import { ObjectId } from 'mongodb'
import t from 'tap'
import { renderOpenapi } from '../../docs/openapi-docs.ts'
import { toResyncEvent, toWatchEvent } from '../../src/services/gmail/news/events.ts'
import { createHostApp } from '../accounts/tickets/ticket.ts'
import { createBackend } from '../backend/backend.ts'
import { enter, localPath, problemOf } from '../helper.ts'
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

t.test('openapi.json › refusals that only a story leads to › have their code there', async t => {
  const world = await enter(t)
  const { app, google, browser } = world
  const document = (await app.inject('/openapi.json')).json<Document>()
  const isNamed = (method: string, path: string, answer: { statusCode: number; body: string }, code: string) => {
    const described = document.paths[path]?.[method]
    t.equal(JSON.parse(answer.body).code, code, path)
    t.ok(described && codesOf(document, described, answer.statusCode).includes(code), `${method} ${path} ${code}`)
  }
  const host = await createHostApp(world)
  const user = browser()
  const start = String((await host.press(user, await host.ticket({ externalId: 'u-1', service: 'gmail' }))).goesTo)
  const { id } = (await user.fetch(localPath(google.consent(start)))).json().connection
  const repair = await host.ticket({ externalId: 'u-1', connectionId: id })

  google.fault('gmail', gmailFault('domainPolicy'))
  const forbidden = await user.fetch(`/connections/${id}/gmail/labels`)
  isNamed('get', '/connections/{id}/gmail/labels', forbidden, 'forbidden')

  await user.fetch(`/connections/${id}`, 'DELETE')
  const gone = await host.press(user, repair, { accept: 'application/json' })
  isNamed('post', '/start', gone, 'not_found')
})

t.test('openapi.json › every member of an event’s data › is described', async t => {
  const world = await enter(t)
  const { app, browser } = world
  const user = browser()
  await user.signIn()
  await user.connected()
  await user.fetch('/auth/user', 'DELETE')
  await app.background.run()
  const { events } = (await (await createBackend(app)).fetch('/v1/events')).json<{
    events: { type: string; data: object }[]
  }>()
  t.same(
    events.map(({ type }) => type),
    ['connection.connected', 'connection.disconnected', 'user.deleted']
  )
  const connection = { _id: new ObjectId(), externalId: 'u-1' }
  const all = [
    ...events,
    toResyncEvent(connection, { from: '1', to: '2', truncated: false }, new Date()),
    toWatchEvent('gmail.watch_lapsed', connection, new Date(), new Date())
  ]
  const { components } = (await app.inject('/openapi.json')).json<{
    components: { schemas: { Event: { properties: { data: { properties: object } } } } }
  }>()
  const described = Object.keys(components.schemas.Event.properties.data.properties)
  for (const { type, data } of all)
    t.same(
      Object.keys(data).filter(name => !described.includes(name)),
      [],
      type
    )
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
