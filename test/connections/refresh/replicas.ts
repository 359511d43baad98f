import type { Test } from 'tap'
import type { Environment } from '../../helper.ts'
import { collectionsOf } from '../../helper.ts'
import { type ServerProcess, startServer } from '../../process.ts'
import { type Story, tell } from './story.ts'

/** A story with replicas in processes of their own. */
export interface ProcessStory extends Story {
  /** One more replica, in a process of its own. */
  start(environment?: Environment): Promise<ServerProcess>
  /** A vend at that process, over a socket. */
  vendAt(server: ServerProcess, body?: object): Promise<Vended>
  /** The access token runs out, whatever the clocks of the replicas say. */
  expireStored(): Promise<void>
}

export interface Vended {
  status: number
  headers: Headers
  body: { access_token?: string; expires_in?: number; code?: string; retryAfterSeconds?: number }
}

export async function tellInProcesses(t: Test, environment: Environment = {}): Promise<ProcessStory> {
  const story = await tell(t, { environment: { RATE_LIMIT_KEY: '0', ...environment } })
  const { app, backend, connection } = story
  const path = `/v1/connections/${connection.id}/token`
  return {
    ...story,
    start: (more = {}) => startServer(t, { ...story.environment, ...more }),
    async vendAt({ url }, body) {
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        headers: { authorization: `Bearer ${backend.key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) })
      })
      return { status: response.status, headers: response.headers, body: (await response.json()) as Vended['body'] }
    },
    async expireStored() {
      await collectionsOf(app).connections.updateOne({}, { $set: { accessTokenExpiresAt: new Date(0) } })
    }
  }
}
