import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { createBackend } from '../backend/backend.ts'
import { build, startDatabase } from '../helper.ts'

/** An app that notes its commands to the database, as `find sessions`, and its calls to Google. */
async function watched(t: Test) {
  const uri = new URL(await startDatabase(t))
  uri.searchParams.set('monitorCommands', 'true')
  const world = await build(t, { environment: { MONGODB_URI: uri.href } })
  const commands: string[] = []
  world.app.mongo.client.on('commandStarted', ({ commandName, command }) => {
    commands.push(`${commandName} ${command[commandName]}`)
  })
  // Background work is not counted.
  await world.app.background.stop()
  return {
    ...world,
    async costOf(work: () => Promise<LightMyRequestResponse>) {
      commands.length = 0
      const before = world.google.requests.length
      const response = await work()
      t.equal(response.statusCode, 200, response.body)
      return { commands: [...commands], google: world.google.requests.slice(before).map(({ endpoint }) => endpoint) }
    }
  }
}

t.test('[D] cost of a request › the database commands and calls to Google are exactly these', async t => {
  const { app, costOf, signedIn } = await watched(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const backend = await createBackend(app)
  // The key is read once in three seconds, and the account's units once a minute.
  await backend.vend(id)
  await ada.fetch(`/connections/${id}/gmail/messages`)

  t.same(await costOf(() => backend.vend(id)), { commands: ['find connections'], google: [] }, 'vend, token fresh')
  t.same(
    await costOf(() => ada.fetch('/connect/gmail')),
    { commands: ['find sessions', 'insert flows'], google: [] },
    'start of a connect'
  )
  t.same(
    await costOf(() => ada.fetch('/auth/session')),
    { commands: ['find sessions', 'find users'], google: [] },
    'who am I'
  )
  t.same(
    await costOf(() => ada.fetch('/connections')),
    { commands: ['find sessions', 'find connections'], google: [] },
    'what is connected'
  )
  const { google, commands } = await costOf(() => ada.fetch(`/connections/${id}/gmail/messages?view=summary&limit=3`))
  t.same(commands, ['find sessions', 'find connections'], 'a list of mails')
  t.same(google, Array(4).fill('gmail'), 'the list, and each of its three mails')
})

t.test('[D] cost of a request › a callback › one call to Google, and one write of the result', async t => {
  const { costOf, signedIn } = await watched(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail')
  const { commands, google } = await costOf(() => ada.fetch(callback))
  t.same(google, ['token'])
  t.same(commands, [
    'find sessions',
    'findAndModify flows',
    'find connections',
    // The host app's id of the user.
    'find users',
    'insert connections',
    // Whether the user was erased meanwhile, and whether a revocation took the grant along; then what became of the flow.
    'find users',
    'find revocations',
    'update flows'
  ])
})
