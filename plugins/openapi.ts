import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'

/** The API's description, made from the routes' own schemas. */
export default fp(
  async function openapi(app) {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'guichet',
          version: '1',
          description: 'Users connect their Google account; apps use the connection.'
        },
        servers: [{ url: app.config.publicUrl.origin }],
        components: {
          securitySchemes: {
            session: {
              type: 'apiKey',
              in: 'cookie',
              name: app.config.publicUrl.protocol === 'https:' ? '__Host-guichet' : 'guichet'
            },
            backendKey: { type: 'http', scheme: 'bearer' }
          }
        }
      },
      transform: jsonSchemaTransform,
      transformObject: jsonSchemaTransformObject
    })
  },
  { name: 'openapi', fastify: '5.x' }
)
