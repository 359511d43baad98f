import t from 'tap'
import { build, problemOf } from '../helper.ts'
import { operationsOf, toRequest } from './operations.ts'

interface Described {
  summary?: string
  security?: Record<string, unknown>[]
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
}

t.test('openapi.json › says of each operation what opens it, and that is so', async t => {
  const { app, browser } = await build(t)
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, Described>> }>()
  const opened = { session: 0, backendKey: 0, nothing: 0 }
  for (const operation of await operationsOf(app)) {
    // Where Google sends the browser: without a session its state is nobody's.
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
  }
  t.ok(opened.session > 15 && opened.backendKey > 15 && opened.nothing > 5, JSON.stringify(opened))
})

t.test('openapi.json › answers have names, errors are problems, and navigations go on', async t => {
  const { app } = await build(t)
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, Described>> }>()
  const all = Object.values(paths).flatMap(methods => Object.values(methods))
  for (const { summary = '', responses } of all) {
    for (const [status, { description, content }] of Object.entries(responses)) {
      t.not(description, 'Default Response', summary)
      if (status.endsWith('XX')) t.same(Object.keys(content ?? {}), ['application/problem+json'], summary)
    }
  }
  t.match(paths['/start'], {
    get: { responses: { 200: { content: { 'text/html': {} } } } },
    post: {
      requestBody: { content: { 'application/x-www-form-urlencoded': {} } },
      responses: { 303: { description: 'See Other' } }
    }
  })
})

t.test('docs › a page of every operation, with nothing that runs', async t => {
  const { app } = await build(t)
  const { body, headers, statusCode } = await app.inject('/docs')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/html/)
  t.match(headers['content-security-policy'], "default-src 'none'")
  t.notMatch(body, /<script|style=|\{\{/)
  for (const { method, path } of await operationsOf(app)) {
    t.equal(body.split(`<code>${method} ${path}</code>`).length, 2, `${method} ${path}`)
  }
  t.match(body, 'The key must be made for <code>tokens:vend</code>.')
})
