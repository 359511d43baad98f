import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { BatchChange, LabelChange, MessageParams } from '../../src/http/gmail.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import type { Message } from '../../src/services/gmail/message.ts'

const Labelled = z.object({ id: z.string(), threadId: z.string(), labelIds: z.array(z.string()) })
const toLabelled = ({ id, threadId, labelIds }: Message) => ({
  id: id ?? '',
  threadId: threadId ?? '',
  labelIds: labelIds ?? []
})

/** Labels put on mails and taken off, the bin among them. */
const messageChanges: FastifyPluginAsyncZod = async app => {
  const answers = { 200: Labelled, ...problemResponses }
  const tags = ['gmail']
  const userId = 'me'

  app.route({
    method: 'POST',
    url: '/messages/:messageId/modify',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'modifyMessage',
      tags,
      summary: 'Add and remove labels',
      params: MessageParams,
      body: LabelChange,
      response: answers
    },
    handler: async ({ mailbox, params: { messageId: id }, body }) => {
      const requestBody = await app.labels.resolve(mailbox, body)
      const send = { userId, id, requestBody }
      const options = { repeatable: true }
      return toLabelled(
        await mailbox.gmail.call('messages.modify', (users, call) => users.messages.modify(send, call), options)
      )
    }
  })

  app.route({
    method: 'POST',
    url: '/messages/batchModify',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'modifyMessages',
      tags,
      summary: 'Add and remove labels of up to 1000 messages',
      description: 'Ids that do not exist are passed over: Gmail does not say which.',
      params: ConnectionParams,
      body: BatchChange,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async ({ mailbox, body: { ids, ...change } }, reply) => {
      const requestBody = { ids, ...(await app.labels.resolve(mailbox, change)) }
      await mailbox.gmail.call(
        'messages.batchModify',
        (users, call) => users.messages.batchModify({ userId, requestBody }, call),
        { repeatable: true }
      )
      return reply.code(204).send(null)
    }
  })

  for (const action of ['trash', 'untrash'] as const) {
    app.route({
      method: 'POST',
      url: `/messages/:messageId/${action}`,
      config: { service: 'gmail', use: 'modify' },
      schema: {
        operationId: `${action}Message`,
        tags,
        summary: `Move a message ${action === 'trash' ? 'to' : 'out of'} the bin`,
        params: MessageParams,
        response: answers
      },
      handler: async ({ mailbox, params: { messageId: id } }) =>
        toLabelled(
          await mailbox.gmail.call(
            `messages.${action}`,
            (users, call) => users.messages[action]({ userId, id }, call),
            { repeatable: true }
          )
        )
    })
  }
}

export default messageChanges
