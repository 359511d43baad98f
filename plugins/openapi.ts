import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import Fastify, { type RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler
} from 'fastify-type-provider-zod'
import type { ZodType } from 'zod'
import { urlUnder } from '../src/config/public-url.ts'
import type { OpenapiDocument, Operation } from '../src/http/openapi/document.ts'
import { toSessionCookie } from '../src/http/session-cookie.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The API's description, made from the routes' own schemas. */
    openapi(): Promise<OpenapiDocument>
  }
}

/** Notes the routes; they are described when somebody asks, so that no start waits for it or holds what it needs. */
export default fp(
  async function openapi(app) {
    const routes: RouteOptions[] = []
    let document: Promise<OpenapiDocument> | undefined
    // HEAD is GET without a body: its description would say nothing more.
    app.addHook('onRoute', route => void (route.method === 'HEAD' || routes.push(route)))
    app.decorate('openapi', () => {
      document ??= describe(routes, app.config.publicUrl).catch(error => {
        // One that failed is built again by the next who asks.
        document = undefined
        throw error
      })
      return document
    })
  },
  { name: 'openapi', fastify: '5.x' }
)

async function describe(routes: RouteOptions[], publicUrl: URL): Promise<OpenapiDocument> {
  const { default: swagger } = await import('@fastify/swagger')
  // Importing Node's HTTP module loads the fetch inside Node too, which nothing here uses.
  const { STATUS_CODES } = await import('node:http')
  const [{ nameSchemasOnce }, { describeProblems }, { addExamples }] = await Promise.all([
    import('../src/http/openapi/schemas.ts'),
    import('../src/http/openapi/problems.ts'),
    import('../src/http/openapi/examples.ts')
  ])
  const describer = Fastify({ exposeHeadRoutes: false })
  describer.setValidatorCompiler(validatorCompiler)
  describer.setSerializerCompiler(serializerCompiler)
  await describer.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'guichet',
        version: '1',
        description:
          'Users connect their Google account; apps use the connection. Every error is a problem (RFC 9457) with a stable `code`.',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      tags,
      servers: [{ url: urlUnder(publicUrl, '').href.replace(/\/$/, '') }],
      components: {
        securitySchemes: {
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: toSessionCookie(publicUrl).name
          },
          backendKey: { type: 'http', scheme: 'bearer' },
          googlePush: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: "Signed by Google for the subscription's service account."
          }
        }
      }
    },
    transform,
    transformObject: document => nameAnswers(jsonSchemaTransformObject(document), STATUS_CODES)
  })
  for (const { method, url, schema = {}, config = {} } of routes) {
    describer.route({ method, url, schema, config, handler: async () => {} })
  }
  await describer.ready()
  const document = describer.swagger() as unknown as OpenapiDocument
  for (const { method, url, schema } of routes) {
    const { requestBody } = document.paths?.[url.replace(/:(\w+)/g, '{$1}')]?.[String(method).toLowerCase()] ?? {}
    if (requestBody) describeOptional(requestBody, schema?.body as ZodType)
  }
  nameSchemasOnce(document)
  describeProblems(document)
  addExamples(document)
  return document
}

/** Where all of a body may be left out, so may the body; and where nothing may stand for it, `null` may. */
function describeOptional(requestBody: NonNullable<Operation['requestBody']>, body: ZodType): void {
  requestBody.required = !body.safeParse(undefined).success
  if (!body.safeParse(null).success) return
  for (const content of Object.values(requestBody.content ?? {})) {
    const choices = content.schema?.anyOf ?? [content.schema ?? {}]
    const isNamed = choices.some(({ type }) => type === 'null')
    if (!isNamed) content.schema = { anyOf: [...choices, { type: 'null' }] }
  }
}

const tags = [
  { name: 'auth', description: 'Signing in and out, and who one is.' },
  { name: 'connections', description: 'What can be connected and what is.' },
  { name: 'tickets', description: "Links by which a host app's own users come in." },
  { name: 'gmail', description: 'The mailbox of a connection: the same for its user and for a backend.' },
  { name: 'calendar', description: 'The calendars of a connection.' },
  { name: 'backend', description: 'For backends with a key: tokens, connections, tickets and events.' },
  { name: 'hooks', description: 'What Google calls.' },
  { name: 'operations', description: 'Whether it runs.' }
]

const transform: NonNullable<FastifyDynamicSwaggerOptions['transform']> = input => {
  const { schema, url } = jsonSchemaTransform(input)
  const response = input.route.config?.navigable
    ? { 303: { type: 'null' }, ...Object(schema?.response) }
    : schema?.response
  return { schema: { ...schema, ...(response && { response }) }, url }
}

type Titles = Record<string, string | undefined>
type Answers = Record<string, { description: string; content?: Record<string, unknown> }>

/** Says what routes' schemas have no words for: how answers are called, and that nothing is asked for where nothing is. */
function nameAnswers<Document extends { paths?: object }>(document: Document, titles: Titles): Document {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values<{ responses: Answers; security?: object[] }>(operations)) {
      operation.security ??= []
      for (const [status, response] of Object.entries(operation.responses)) {
        response.description = titles[status] ?? status
        if (status === '204' || status === '303') delete response.content
      }
    }
  }
  return document
}
