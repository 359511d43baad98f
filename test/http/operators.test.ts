import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import t from 'tap'
import { build } from '../helper.ts'
import { createKey, operationsOf, toRequest } from './operations.ts'

const marker = 'planted-operand'
const operators = [
  { $gt: marker },
  { $ne: marker },
  { $where: marker },
  { $regex: marker },
  { $in: [marker] },
  { a: { $gt: marker } },
  [{ $gt: marker }],
  [marker],
  12,
  true,
  null
]

/** Whether an operator whose operand came from outside stands anywhere in a command. */
function holdsOperator(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, inner]) =>
      (key.startsWith('$') && (inner === marker || (Array.isArray(inner) && inner.includes(marker)))) ||
      holdsOperator(inner)
  )
}

t.test('[R62] operators › a query operator in any field of any route › never reaches a database command', async t => {
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const { app, signedIn } = await build(t, { environment: { MONGODB_URI: `${mongo.uri}?monitorCommands=true` } })
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const commands: unknown[] = []
  app.mongo.client.on('commandStarted', ({ command }) => commands.push(command))
  const wrong: string[] = []
  async function request(options: ReturnType<typeof toRequest>, comment: string): Promise<number> {
    const { statusCode, body } = await ada.request({
      ...options,
      headers: { ...options.headers, ...(options.url.startsWith('/v1') && { authorization }) }
    })
    if (statusCode >= 500) wrong.push(`${comment} answered ${statusCode} ${body}`)
    return statusCode
  }

  const operations = (await operationsOf(app)).filter(({ path }) => path !== '/auth/session' && path !== '/auth/user')
  t.ok(operations.length > 30, `${operations.length} operations`)
  let fields = 0
  for (const operation of operations) {
    const { method, path, pathNames, queryNames, bodyNames, takesBody } = operation
    const own = pathNames.includes('id') ? { id } : {}
    for (const value of operators) {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      for (const name of pathNames) {
        const status = await request(
          toRequest(operation, { path: { ...own, [name]: encodeURIComponent(text) } }),
          `${method} ${path} ${name}`
        )
        // A label or a number may be an id; nothing with an operator is.
        if (text.includes('$') && ![400, 404].includes(status))
          wrong.push(`${method} ${path}: ${name} = ${text} answered ${status}`)
        fields += 1
      }
      for (const name of queryNames) {
        await request(
          toRequest(operation, { path: own, query: `${name}=${encodeURIComponent(text)}` }),
          `${path}?${name}`
        )
        for (const key of ['$gt', '$ne', '$where', '']) {
          const status = await request(
            toRequest(operation, { path: own, query: `${encodeURIComponent(`${name}[${key}]`)}=${marker}` }),
            `${path}?${name}[]`
          )
          // A callback ignores unknown parameters (RFC 6749, 4.1.2) but is refused without its own; others add theirs to a
          // start's link.
          if (!/^\/(auth\/google|connect)\b/.test(path) && status < 400)
            wrong.push(`${path}?${name}[${key}] answered ${status}`)
        }
        fields += 1
      }
      for (const name of bodyNames) {
        const status = await request(toRequest(operation, { path: own, body: { [name]: value } }), `${path} ${name}`)
        if (text.includes('$') && ![400, 404, 415].includes(status))
          wrong.push(`${path}: ${name} = ${text} answered ${status}`)
        fields += 1
      }
      if (takesBody && text.includes('$')) {
        const status = await request(toRequest(operation, { path: own, body: value }), `${path} body`)
        if (![400, 404, 415].includes(status)) wrong.push(`${path}: ${text} answered ${status}`)
      }
    }
  }
  t.same(wrong, [])
  t.ok(fields > 300, `${fields} fields`)
  t.ok(commands.length > 100, `${commands.length} commands`)
  t.notOk(commands.some(holdsOperator))
  t.ok(holdsOperator({ find: 'users', filter: { _id: { $gt: marker } } }), 'a planted one is seen')
})
