import { STATUS_CODES } from 'node:http'
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
      transform: input => {
        const { schema, url } = jsonSchemaTransform(input)
        const response = input.route.config?.navigable
          ? { 303: { type: 'null' }, ...Object(schema?.response) }
          : schema?.response
        return { schema: { ...schema, ...(response && { response }) }, url }
      },
      transformObject: document => nameAnswers(jsonSchemaTransformObject(document))
    })
  },
  { name: 'openapi', fastify: '5.x' }
)

type Answers = Record<string, { description: string; content?: Record<string, unknown> }>

/** Says what routes' schemas have no words for: how answers are called, and that errors are problems (RFC 9457). */
function nameAnswers<Document extends { paths?: object }>(document: Document): Document {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values<{ responses: Answers }>(operations)) {
      for (const [status, response] of Object.entries(responses)) {
        const [problem] = /^[45]XX$/.test(status) ? Object.values(response.content ?? {}) : []
        response.description = problem ? 'A problem' : (STATUS_CODES[status] ?? status)
        if (problem) response.content = { 'application/problem+json': problem }
        if (status === '204' || status === '303') delete response.content
      }
    }
  }
  return document
}
