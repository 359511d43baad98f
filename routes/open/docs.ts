import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type Asset, sendAsset, toAsset } from '../../src/http/asset.ts'
import { escapeHtml, trusted } from '../../src/http/html.ts'
import { toDocument, toPagePolicy } from '../../src/http/pages/frame.ts'
import { englishReader } from '../../src/http/pages/words.ts'

/** What of the OpenAPI document a reader is shown. */
interface Operation {
  summary?: string
  description?: string
  security?: Record<string, unknown>[]
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, Answer & { $ref?: string }>
}

interface Answer {
  description: string
  content?: Record<string, unknown>
}

interface Document {
  paths: Paths
  components: { responses: Record<string, Answer> }
}

type Paths = Record<string, Record<string, Operation>>

interface Schema {
  type?: string
  description?: string
  enum?: string[]
  properties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
}

const intro =
  '<p>Every error is <code>application/problem+json</code> (RFC 9457) with a stable <code>code</code>. For programs: <a href="/openapi.json">openapi.json</a>.</p>'
const groups = [
  { title: 'For frontends', text: 'They take the session cookie.', opensWith: 'session' },
  {
    title: 'For backends',
    text: 'They take a backend key: <code>Authorization: Bearer …</code>',
    opensWith: 'backendKey'
  },
  { title: 'For everyone', text: 'They ask for nothing.', opensWith: undefined }
]

/** The API's description for people, made from what `/openapi.json` says. */
const docs: FastifyPluginAsyncZod = async app => {
  const { brand } = app.config
  const policy = toPagePolicy(brand, "form-action 'none'")
  let page: Asset | undefined
  async function render(): Promise<Asset> {
    const document = (await app.openapi()) as unknown as Document
    const content = trusted([intro, ...groups.map(group => toGroup(group, document))].join('\n'))
    const page = toDocument({ title: 'The API', content }, englishReader, brand)
    return toAsset(page, 'text/html; charset=utf-8')
  }

  app.route({
    method: 'GET',
    url: '/docs',
    exposeHeadRoute: true,
    schema: { hide: true },
    handler: async (request, reply) => {
      // Made when it is first asked for: no start waits for it.
      page ??= await render()
      return sendAsset(request, reply.header('content-security-policy', policy), page)
    }
  })
}

function toGroup({ title, text, opensWith }: (typeof groups)[number], { paths, components }: Document): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security = [] }]) => Object.keys(security[0] ?? {})[0] === opensWith)
      .map(([method, operation]) => toOperation(`${method.toUpperCase()} ${path}`, operation, components.responses))
  )
  return `<h2>${title}</h2>\n<p>${text}</p>\n${operations.join('\n')}`
}

function toOperation(
  name: string,
  { summary = '', description, parameters = [], requestBody, responses }: Operation,
  problems: Record<string, Answer>
) {
  const [body] = Object.values(requestBody?.content ?? {})
  const { properties = {}, required = [] } = body?.schema.anyOf?.find(one => one.properties) ?? body?.schema ?? {}
  const inputs = [
    ...parameters.map(({ name, schema, ...rest }) => toInput(name, rest.in, rest.required, rest.description, schema)),
    ...Object.entries(properties).map(([name, schema]) =>
      toInput(name, 'body', required.includes(name), schema.description, schema)
    )
  ]
  const answers = Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, { description, content }]) => [status, description, ...Object.keys(content ?? {})].join(' '))
  // A problem's description begins each of its codes with its name.
  const codes = Object.values(responses).flatMap(({ $ref }) =>
    [...(problems[$ref?.split('/').at(-1) ?? '']?.description.matchAll(/`(\w+)`:/g) ?? [])].map(([, code = '']) => code)
  )
  return `<details class="operation">
  <summary><code>${escapeHtml(name)}</code> ${escapeHtml(summary)}</summary>
  ${description ? `<p>${escapeHtml(description).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>` : ''}
  ${inputs.length > 0 ? `<dl class="facts">\n${inputs.join('\n')}\n</dl>` : ''}
  <p class="quiet">Answers ${escapeHtml(answers.join(', '))}.</p>
  <p class="quiet">May fail with ${[...new Set(codes)].map(code => `<code>${escapeHtml(code)}</code>`).join(', ')}.</p>
</details>`
}

function toInput(name: string, place: string, isRequired = false, description = '', schema: Schema = {}): string {
  const kind = [place, schema.enum?.join(' | ') ?? schema.type, isRequired ? 'required' : undefined]
  return `<div><dt><code>${escapeHtml(name)}</code></dt><dd>${escapeHtml(kind.filter(Boolean).join(', '))}${
    description && `<br>${escapeHtml(description)}`
  }</dd></div>`
}

export default docs
