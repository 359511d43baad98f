import { createHash } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { collectionsOf, enter } from '../helper.ts'
import { doors } from './doors.ts'

function seenByBrowser({ headers, rawPayload }: LightMyRequestResponse): string {
  return JSON.stringify(headers) + rawPayload.toString()
}

for (const door of doors) {
  t.test(
    `[R6] PKCE › each flow has a verifier of its own, which only Google's token endpoint sees: ${door.name}`,
    async t => {
      const world = await enter(t)
      const { google, app } = world
      const lines: string[] = []
      const verifiers: string[] = []
      for (let flow = 0; flow < 5; flow++) {
        const browser = await door.enter(world)
        const started = await browser.fetch(`${door.start}?returnTo=/inbox`)
        const { url } = started.json<{ url: string }>()
        const asked = new URL(url).searchParams
        t.equal(asked.get('code_challenge_method'), 'S256')
        t.notOk(asked.has('code_verifier'))
        const callback = google.consent(url).slice('http://localhost:3000'.length)
        const ended = await (flow % 2 ? browser.navigate(callback) : browser.fetch(callback))
        const again = await browser.fetch(callback)
        lines.push(url, ...[started, ended, again].map(seenByBrowser), JSON.stringify([...browser.cookies]))

        const exchange = new URLSearchParams(google.requestsTo('token').at(-1)?.body)
        const verifier = exchange.get('code_verifier') ?? ''
        t.match(verifier, /^[A-Za-z0-9._~-]{43,128}$/)
        t.equal(createHash('sha256').update(verifier).digest('base64url'), asked.get('code_challenge'))
        t.not(verifier, asked.get('state'))
        t.not(verifier, asked.get('nonce'))
        verifiers.push(verifier)
      }
      t.equal(new Set(verifiers).size, 5)
      t.same(google.ledger.find(lines.join('\n'), ['code_verifier']), [])
      t.equal(google.ledger.find(verifiers.join('\n'), ['code_verifier']).length, 5, 'they would have been found')

      const stored = JSON.stringify(await collectionsOf(app).flows.find().toArray())
      t.same(google.ledger.find(stored, ['code_verifier', 'state', 'nonce']), [])
      t.same(google.violations, [])
    }
  )

  t.test(`[R6] PKCE › the verifier in the database is sealed: ${door.name}`, async t => {
    const world = await enter(t)
    const { google, app } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start)
    const waiting = JSON.stringify(await collectionsOf(app).flows.find().toArray())
    await browser.fetch(callback)
    t.ok(google.ledger.of('code_verifier').length > 0)
    t.same(google.ledger.find(waiting, ['code_verifier', 'state', 'nonce']), [])
    t.same(google.violations, [])
  })

  t.test(`[R6] PKCE › a code of another flow › refused: ${door.name}`, async t => {
    const world = await enter(t)
    const { google } = world
    const [victim, attacker] = [await door.enter(world), await door.enter(world)]
    const stolen = new URL(await victim.authorize(door.start), google.issuer).searchParams.get('code') ?? ''
    const own = new URL(await attacker.authorize(door.start), google.issuer)
    own.searchParams.set('code', stolen)
    const response = await attacker.fetch(own.pathname + own.search)
    t.equal(response.json<{ code: string }>().code, 'code_invalid')
    t.notOk(await door.isOpen(attacker))
    t.same(google.violations, ['token: code_verifier does not match the code_challenge'])
  })
}
