import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

const openapi: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: { hide: true },
    handler: () => app.openapi()
  })
}

export default openapi
