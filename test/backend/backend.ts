import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { type NewBackendKey, operations } from '../../src/backend/keys.ts'

/** One of the owner's other backends, with a key of its own. */
export interface Backend {
  id: string
  key: string
  fetch(
    url: string,
    method?: 'GET' | 'POST' | 'DELETE',
    body?: object,
    at?: FastifyInstance
  ): Promise<LightMyRequestResponse>
  vend(connectionId: string, body?: object, at?: FastifyInstance): Promise<LightMyRequestResponse>
}

/** A backend whose key may do everything, unless `narrowed` says otherwise. */
export async function createBackend(app: FastifyInstance, narrowed: Partial<NewBackendKey> = {}): Promise<Backend> {
  const all = { name: 'a backend', operations: [...operations], services: null, expiresAt: null }
  const { id, key } = await app.backendKeys.create({ ...all, ...narrowed })
  const fetch: Backend['fetch'] = (url, method = 'GET', body = undefined, at = app) =>
    at.inject({ method, url, headers: { authorization: `Bearer ${key}` }, ...(body && { payload: body }) })
  return {
    id,
    key,
    fetch,
    vend: (connectionId, body, at) => fetch(`/v1/connections/${connectionId}/token`, 'POST', body, at)
  }
}
