import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { LabelName, LabelParams } from '../../src/http/gmail.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { CountedLabelView, LabelView } from '../../src/services/gmail/views.ts'

const Color = z.string().regex(/^#[0-9a-f]{6}$/, 'must be a colour of Gmail, as #rrggbb')
const LabelFields = z.strictObject({
  name: LabelName.describe('`/` nests: `Work/2026`.'),
  color: z.strictObject({ textColor: Color, backgroundColor: Color }).optional(),
  labelListVisibility: z.enum(['labelShow', 'labelShowIfUnread', 'labelHide']).optional(),
  messageListVisibility: z.enum(['show', 'hide']).optional()
})
const LabelPatch = LabelFields.partial().refine(fields => Object.keys(fields).length > 0, 'must change something')

/** The mailbox's labels. */
const labels: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']

  app.route({
    method: 'GET',
    url: '/labels',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listLabels',
      tags,
      summary: 'Its labels',
      params: ConnectionParams,
      response: { 200: z.object({ items: z.array(LabelView) }), ...problemResponses }
    },
    handler: async ({ mailbox }) => ({ items: await app.labels.list(mailbox) })
  })

  app.route({
    method: 'GET',
    url: '/labels/:labelId',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getLabel',
      tags,
      summary: 'One label, with its counts',
      params: LabelParams,
      response: { 200: CountedLabelView, ...problemResponses }
    },
    handler: ({ mailbox, params }) => app.labels.get(mailbox, params.labelId)
  })

  app.route({
    method: 'POST',
    url: '/labels',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'createLabel',
      tags,
      summary: 'Make a label; where there is one of that name, that one is answered',
      params: ConnectionParams,
      body: LabelFields,
      response: { 200: LabelView, 201: LabelView, ...problemResponses }
    },
    handler: async ({ mailbox, body }, reply) => {
      const { label, created } = await app.labels.create(mailbox, body)
      return reply.code(created ? 201 : 200).send(label)
    }
  })

  app.route({
    method: 'PATCH',
    url: '/labels/:labelId',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'updateLabel',
      tags,
      summary: 'Change a label',
      params: LabelParams,
      body: LabelPatch,
      response: { 200: LabelView, ...problemResponses }
    },
    handler: ({ mailbox, params, body }) => app.labels.update(mailbox, params.labelId, body)
  })

  app.route({
    method: 'DELETE',
    url: '/labels/:labelId',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'deleteLabel',
      tags,
      summary: 'Delete a label; the messages stay',
      params: LabelParams,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async ({ mailbox, params }, reply) => {
      await app.labels.delete(mailbox, params.labelId)
      return reply.code(204).send(null)
    }
  })
}

export default labels
