import { type Collection, type Document, MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { createBackend } from '../backend/backend.ts'
import { build, startDatabase } from '../helper.ts'

interface Query {
  collection: string
  filter: Document
  sort?: Document
}

/** What a command searches by: of several updates or deletes, each. */
function queriesOf(name: string, command: Document): Query[] {
  const collection = String(command[name])
  if (name === 'find')
    return [{ collection, filter: command.filter, ...(command.sort && { sort: Object.fromEntries(command.sort) }) }]
  if (name === 'findAndModify') return [{ collection, filter: command.query }]
  if (name === 'update' || name === 'delete')
    return (command.updates ?? command.deletes).map(({ q }: Document) => ({ collection, filter: q }))
  return []
}

/** The same for filters that differ in values alone. */
function shapeOf({ collection, filter, sort }: Query): string {
  const shape = JSON.stringify(filter, (key, value) =>
    key.startsWith('$') || typeof value === 'object' ? value : typeof value
  )
  return `${collection} ${shape}${sort ? ` by ${JSON.stringify(sort)}` : ''}`
}

/** Whether the server would look at every document. */
async function scansAll(collection: Collection, { filter, sort }: Query): Promise<boolean> {
  const cursor = collection.find(filter)
  const { queryPlanner } = await (sort ? cursor.sort(sort) : cursor).explain('queryPlanner')
  return stagesOf(queryPlanner.winningPlan).includes('COLLSCAN')
}

const stagesOf = (plan: Document | undefined): string[] =>
  plan ? [plan.stage, ...stagesOf(plan.inputStage), ...(plan.inputStages ?? []).flatMap(stagesOf)] : []

/** All that guichet does with a database, in one story. */
async function live(t: Test, uri: string, onQuery: (query: Query) => void) {
  const watchedUri = new URL(uri)
  watchedUri.searchParams.set('monitorCommands', 'true')
  const world = await build(t, { environment: { MONGODB_URI: watchedUri.href } })
  const { app, clock, google } = world
  app.mongo.client.on('commandStarted', ({ commandName, command }) => {
    for (const query of queriesOf(commandName, command)) onQuery(query)
  })
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const backend = await createBackend(app)
  google.gmail('ada@example.com').receive('Subject: one\r\n\r\nHello')
  const send = {
    method: 'POST' as const,
    url: `/v1/connections/${id}/gmail/messages/send`,
    headers: { authorization: `Bearer ${backend.key}`, 'idempotency-key': 'one' },
    payload: { to: ['bob@example.com'], subject: 'Hello', text: 'Hello' }
  }
  await backend.vend(id)
  await app.inject(send)
  await app.inject(send)
  await ada.request({ method: 'PUT', url: `/connections/${id}/gmail/watch`, payload: {} })
  clock.advance(40_000)
  await app.background.run()
  for (const path of ['', '?externalId=u1', '?service=gmail', `?userId=${'0'.repeat(24)}`, `?cursor=${'0'.repeat(24)}`])
    await backend.fetch(`/v1/connections${path}`)
  await backend.fetch('/v1/events')
  const { url } = (await backend.fetch('/v1/tickets', 'POST', { externalId: 'u1', service: 'gmail' })).json<{
    url: string
  }>()
  const ticket = new URL(url).searchParams.get('ticket') ?? ''
  const guest = world.browser()
  await guest.navigate(`/start?ticket=${ticket}`)
  await guest.request({
    method: 'POST',
    url: '/start',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ ticket }).toString()
  })
  clock.advance(4_000_000)
  await backend.vend(id)
  for (let number = 0; number < 12; number++) await ada.fetch('/connect/gmail')
  await ada.connected({ as: 'bob@example.com' })
  await ada.navigate('/')
  await ada.fetch(`/connections/${id}`, 'DELETE')
  await app.background.run()
  await (await world.signedIn('bob@example.com')).fetch('/auth/user', 'DELETE')
  await ada.fetch('/auth/user', 'DELETE')
  clock.advance(100_000)
  await app.background.run()
}

/** Whether an index begins with a field that the filter bounds, and holds all that the filter looks for. */
function hasIndex(indexes: readonly Document[], filter: Document, sort: Document = {}): boolean {
  const { $and = [], $or, ...fields } = filter
  const whole = Object.assign({}, ...$and, fields) as Document
  if ($or && Object.keys(fields).length === 0) return $or.every((one: Document) => hasIndex(indexes, one))
  // Most records are alike in these: they bound nothing.
  const isBound = (asked: unknown) =>
    asked !== undefined && asked !== null && typeof asked !== 'boolean' && !('$ne' in Object(asked))
  const isWhole = !Object.values(whole).some(isBound)
  return indexes.some(({ key, partialFilterExpression = {}, sparse = false }) => {
    const [first = ''] = Object.keys(key)
    const covers = Object.entries(partialFilterExpression as Document).every(
      ([field, value]) => whole[field] === value || (isBound(whole[field]) && value?.$exists === true)
    )
    const isSorted = isWhole && !sparse && Object.keys(sort)[0] === first
    const bounds = isBound(whole[first]) && whole[first]?.$exists !== false
    // A partial index of few records is as good as a bound.
    return covers && (bounds || isSorted || Object.values(partialFilterExpression).includes(false))
  })
}

t.test('[D] queries › every query of requests and background work › uses an index', async t => {
  const uri = await startDatabase(t)
  const client = new MongoClient(uri)
  t.teardown(() => client.close())
  const queries = new Map<string, Query>()
  await live(t, uri, query => queries.set(shapeOf(query), query))
  t.ok(queries.size > 40, `${queries.size} different queries`)
  // The plans of a server that has any; the embedded one's index is looked for here.
  const users = client.db().collection('users')
  const hasPlans = await scansAll(users, { collection: 'users', filter: { name: 'x' } }).catch(() => false)
  const isTrue = hasPlans && !(await scansAll(users, { collection: 'users', filter: { _id: 'x', name: 'x' } }))
  const scanned: string[] = []
  for (const [shape, query] of queries) {
    const collection = client.db().collection(query.collection)
    const isFound = isTrue
      ? !(await scansAll(collection, query))
      : hasIndex(await collection.indexes(), query.filter, query.sort)
    if (!isFound) scanned.push(shape)
  }
  t.same(scanned, [])
})
