import type { OpenapiDocument, Schema } from './document.ts'

/** Values that say more than their type does, by the name of the member that holds them. */
const telling: Record<string, unknown> = {
  address: 'ada@example.com',
  email: 'ada@example.com',
  emailAddress: 'ada@example.com',
  name: 'Ada Lindqvist',
  externalId: 'user-42',
  service: 'gmail',
  sub: '110169484474386276334',
  subject: 'Minutes of Thursday',
  snippet: 'Two questions are still open …',
  text: 'Two questions are still open.',
  html: '<p>Two questions are still open.</p>',
  access_token: 'ya29.…',
  token_type: 'Bearer',
  url: 'https://accounts.google.com/o/oauth2/v2/auth?…',
  connectUrl: 'https://auth.example.com/connect/gmail?connectionId=68a1b2c3d4e5f60718293a4b',
  threadId: '18c2f0a1b2c3d4e5',
  messageId: '18c2f0a1b2c3d4e5',
  historyId: '7351',
  nextCursor: '42',
  partId: '1',
  filename: 'minutes.pdf',
  mimeType: 'application/pdf',
  grantedScopes: ['https://www.googleapis.com/auth/gmail.modify', 'https://www.googleapis.com/auth/gmail.readonly'],
  missingScopes: [],
  receivedAt: '2026-11-27T09:30:00.000Z',
  date: '2026-11-27T09:29:58.000Z',
  inReplyTo: null,
  references: [],
  labelIds: ['INBOX', 'UNREAD'],
  message: 'token receive',
  type: 'connection.connected'
}

/** Bodies that a reader can send as they are, by operation; both doors have the same. */
const bodies: Record<string, unknown> = {
  createTicket: { externalId: 'user-42', service: 'gmail' },
  vendToken: { minTtlSeconds: 300 },
  sendMessage: { to: ['Grace <grace@example.com>'], subject: 'Your order', text: 'It is on its way.' },
  createDraft: { to: ['grace@example.com'], subject: 'A draft', text: 'To be finished.' },
  updateDraft: { to: ['grace@example.com'], subject: 'A draft', text: 'Finished.' },
  modifyMessage: { addLabels: ['STARRED'], removeLabels: ['UNREAD'] },
  modifyMessages: { ids: ['18c2f0a1b2c3d4e5'], removeLabels: ['UNREAD'] },
  modifyThread: { removeLabels: ['INBOX'] },
  getMessages: { ids: ['18c2f0a1b2c3d4e5'], view: 'summary' },
  createLabel: { name: 'Orders' },
  updateLabel: { name: 'Orders 2026' },
  startWatch: { events: ['received'] }
}

/** Puts an example beside each JSON that is taken or given. */
export function addExamples(document: OpenapiDocument): void {
  const schemas = document.components?.schemas ?? {}
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { operationId = '', requestBody, responses } of Object.values(operations)) {
      const taken = requestBody?.content?.['application/json']
      const body = bodies[operationId.replace(/Own(?=[A-Z])/, '')]
      if (taken && body) taken.example = body
      for (const answer of Object.values(responses)) {
        const given = 'content' in answer ? answer.content?.['application/json'] : undefined
        if (given?.schema) given.example = toExample(given.schema, schemas)
      }
    }
  }
}

function toExample(schema: Schema, schemas: Record<string, Schema>, name = ''): unknown {
  const named = schema.$ref?.split('/').at(-1)
  if (named !== undefined) return toExample(schemas[named] ?? {}, schemas, name)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (
    fits(
      telling[name],
      [schema.type, schema.anyOf?.map(one => one.type)].flat(2).filter(type => type !== undefined)
    )
  )
    return telling[name]
  const [first] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []
  if (first) return toExample(first, schemas, name)
  if (schema.format === 'date-time') return '2026-11-27T09:30:00.000Z'
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([key]) => schema.required?.includes(key))
          .map(([key, member]) => [key, toExample(member, schemas, key)])
      )
    case 'array':
      return schema.items ? [toExample(schema.items, schemas, name)] : []
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, 1)
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return /id$/i.test(name) ? '68a1b2c3d4e5f60718293a4b' : 'text'
  }
}

function fits(value: unknown, type: Schema['type']): boolean {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return value !== undefined && [type].flat().includes(kind)
}
