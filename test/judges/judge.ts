import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { createServer } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import {
  type Browser,
  type Consenting,
  createBrowser,
  createTestClock,
  startDatabase,
  type TestClock,
  testEnvironment
} from '../helper.ts'

/** An issuer that somebody else wrote. */
export interface Judge extends Consenting {
  issuer: string
  clientId: string
  clientSecret: string
}

export const callbacks = ['/auth/google/callback', '/connect/gmail/callback'].map(
  path => `http://localhost:3000${path}`
)

export interface JudgedWorld {
  app: FastifyInstance
  clock: TestClock
  browser(at?: FastifyInstance): Browser
  replica(): Promise<FastifyInstance>
}

/** An app that believes this judge to be Google. */
export async function buildBefore(t: Test, judge: Judge): Promise<JudgedWorld> {
  const clock = createTestClock()
  const environment = testEnvironment(await startDatabase(t, clock), judge)
  async function replica(): Promise<FastifyInstance> {
    const app = await createServer({ ...parseConfig(environment), clock }, false)
    t.teardown(() => app.close())
    await app.ready()
    return app
  }
  const app = await replica()
  return { app, clock, replica, browser: (at = app) => createBrowser(at, judge) }
}
