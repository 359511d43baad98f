import type { FastifyInstance } from 'fastify'

/** Everything in this folder is for signed-in users. */
export default async function signedInOnly(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', async request => {
    request.requireUserId()
  })
}
