import type { FakeGoogle } from '@guichet/fake-google'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { ConnectionRecord } from '../../../src/connections/record.ts'
import { toConnectionId } from '../../../src/connections/repository.ts'
import type { ConnectionView } from '../../../src/http/views/connection.ts'
import { type Backend, createBackend } from '../../backend/backend.ts'
import { type Browser, collectionsOf, enter, type World, type WorldOptions } from '../../helper.ts'

/** A user with a connection, and a backend that asks for its token. */
export interface Story extends World {
  ada: Browser
  connection: ConnectionView
  backend: Backend
  vend(body?: object, at?: FastifyInstance): Promise<LightMyRequestResponse>
  /** The access token runs out. */
  expire(): void
  /** The connection as it is stored. */
  stored(): Promise<ConnectionRecord>
  /** Refreshes that reached Google so far. */
  refreshes(): number
  /** The events so far. */
  events(): Promise<string[]>
}

export async function tell(t: Test, options?: WorldOptions): Promise<Story> {
  const world = await enter(t, options)
  const { app, google, clock } = world
  const ada = await world.signedIn()
  const connection = await ada.connected()
  const backend = await createBackend(app)
  return {
    ...world,
    ada,
    connection,
    backend,
    vend: (body, at) => backend.vend(connection.id, body, at),
    expire: () => clock.advance(google.accessTokenLifetimeSeconds * 1000),
    stored: () => storedOf(app, connection.id),
    refreshes: () => refreshesAt(google).length,
    async events() {
      // Once for the work itself, once for the events that it left.
      for (let round = 0; round < 2; round++) await app.background.run()
      return (await app.events.after(0, 100)).map(({ type }) => type)
    }
  }
}

export async function storedOf(app: FastifyInstance, id: string): Promise<ConnectionRecord> {
  const _id = toConnectionId(id)
  const record = _id && (await collectionsOf(app).connections.findOne({ _id }))
  if (!record) throw new Error(`there is no connection ${id}`)
  return record
}

/** The refresh tokens that were presented to Google, in order. */
export function refreshesAt(google: FakeGoogle): string[] {
  return google.requestsTo('token').flatMap(({ body }) => new URLSearchParams(body).get('refresh_token') ?? [])
}
