import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { acceptMailFiles, maxMailBodyBytes } from '../../src/http/mail-files.ts'
import { IdempotencyKey, SentView, sendTimeoutMs } from '../../src/http/sending.ts'
import { awaitLargeBody } from '../../src/http/slow-body.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { OutgoingMail } from '../../src/services/gmail/outgoing.ts'
import { readMessageSummary } from '../../src/services/gmail/read.ts'

const SendQuery = z.strictObject({
  messageId: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Read the Message-ID back, because Gmail may have replaced it: 20 units.')
})

/** Mail that goes out. */
const send: FastifyPluginAsyncZod = async app => {
  await acceptMailFiles(app)

  app.route({
    method: 'POST',
    url: '/messages/send',
    config: { service: 'gmail', use: 'send' },
    onRequest: awaitLargeBody(),
    bodyLimit: maxMailBodyBytes,
    handlerTimeout: sendTimeoutMs,
    schema: {
      operationId: 'sendMessage',
      tags: ['gmail'],
      summary: 'Send a mail: a new one, a reply, a forward',
      description:
        'With an `Idempotency-Key` the mail goes once, whatever dies in between: send the same request again until it is answered. Files may follow as `multipart/form-data`, after this JSON in a field `message`; they are attachments: a picture that the html shows by `cid:` stands in `attachments`, with its `contentId`.',
      consumes: ['application/json', 'multipart/form-data'],
      params: ConnectionParams,
      querystring: SendQuery,
      headers: IdempotencyKey,
      body: OutgoingMail,
      response: { 200: SentView, ...problemResponses }
    },
    handler: async ({ mailbox, body, headers, query, mailFiles }, reply) => {
      const { sent, isReplayed } = await app.sending.send(mailbox, body, {
        key: headers['idempotency-key'],
        files: mailFiles
      })
      if (isReplayed) reply.header('idempotency-replayed', 'true')
      if (query.messageId === 'false') return sent
      // The mail is out: an answer that failed for this would have it sent again.
      const read = await readMessageSummary(mailbox.gmail, sent.id).catch(() => undefined)
      return { ...sent, messageId: read?.messageId ?? null }
    }
  })
}

export default send
