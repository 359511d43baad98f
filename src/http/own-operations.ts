import type { RouteOptions } from 'fastify'

/** Both guarded doors serve the same routes: an `onRoute` hook by which the user's own get operation ids of their own. */
export function nameAsOwn({ schema }: RouteOptions): void {
  if (schema?.operationId) schema.operationId = schema.operationId.replace(/(?=[A-Z])/, 'Own')
}
