import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ConnectionRecord } from '../../../src/connections/record.ts'
import { toConnectionId } from '../../../src/connections/repository.ts'
import { GuichetError } from '../../../src/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** @throws GuichetError `not_found`, alike for what is not there and for what is another's */
    requireConnection(id: string): Promise<ConnectionRecord>
  }
}

/** Everything in this folder is for signed-in users, and shows them their own. */
export default async function signedInOnly(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', async request => {
    request.requireUserId()
  })
  app.decorateRequest('requireConnection', async function (this: FastifyRequest, id: string) {
    const _id = toConnectionId(id)
    const record = _id && (await app.connections.repository.find(_id))
    if (!record?.userId.equals(this.requireUserId())) throw new GuichetError('not_found')
    return record
  })
}
