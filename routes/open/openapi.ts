import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type Asset, sendAsset, toAsset } from '../../src/http/asset.ts'

const openapi: FastifyPluginAsyncZod = async app => {
  let document: Asset | undefined

  app.route({
    method: 'GET',
    url: '/openapi.json',
    exposeHeadRoute: true,
    schema: { hide: true },
    handler: async (request, reply) => {
      document ??= toAsset(JSON.stringify(await app.openapi()), 'application/json; charset=utf-8')
      return sendAsset(request, reply, document)
    }
  })
}

export default openapi
