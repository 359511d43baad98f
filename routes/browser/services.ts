import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { services } from '../../src/catalogue.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const Services = z.object({
  services: z.array(z.object({ id: z.string(), title: z.string(), scopes: z.array(z.string()) }))
})

const catalogue: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/services',
    schema: {
      operationId: 'listServices',
      tags: ['connections'],
      summary: 'What can be connected',
      security: [],
      response: { 200: Services, ...problemResponses }
    },
    handler: async () => ({ services: services.map(({ id, title, scopes }) => ({ id, title, scopes: [...scopes] })) })
  })
}

export default catalogue
