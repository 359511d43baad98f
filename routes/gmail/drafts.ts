import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { DraftListQuery, DraftParams } from '../../src/http/gmail.ts'
import { sendItems, sendMail } from '../../src/http/json-replies.ts'
import { acceptMailFiles, maxMailBodyBytes } from '../../src/http/mail-files.ts'
import { DraftSummary, DraftView, IdempotencyKey, SentView, sendTimeoutMs } from '../../src/http/sending.ts'
import { awaitLargeBody } from '../../src/http/slow-body.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { deleteDraft, listDrafts, readDraft, readDraftSummary } from '../../src/services/gmail/drafts.ts'
import { expand } from '../../src/services/gmail/list.ts'
import { OutgoingMail } from '../../src/services/gmail/outgoing.ts'
import { FailedItem } from '../../src/services/gmail/views.ts'

const DraftRef = z.object({ id: z.string(), message: z.object({ id: z.string(), threadId: z.string() }) })
const Page = z.object({
  items: z.array(z.union([DraftView, DraftSummary, FailedItem, DraftRef])),
  nextPageToken: z.string().nullable()
})

/** Mails that are not sent yet. */
const drafts: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']
  const writing = {
    config: { service: 'gmail', use: 'modify' },
    onRequest: awaitLargeBody(),
    bodyLimit: maxMailBodyBytes,
    handlerTimeout: sendTimeoutMs
  } as const
  const consumes = ['application/json', 'multipart/form-data']
  await acceptMailFiles(app)

  app.route({
    ...writing,
    method: 'POST',
    url: '/drafts',
    schema: {
      operationId: 'createDraft',
      tags,
      summary: 'Keep a mail as a draft',
      consumes,
      params: ConnectionParams,
      body: OutgoingMail,
      response: { 200: DraftSummary, ...problemResponses }
    },
    handler: ({ mailbox, body, mailFiles }) => app.sending.drafts.create(mailbox, body, mailFiles)
  })

  app.route({
    method: 'GET',
    url: '/drafts',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listDrafts',
      tags,
      summary: 'Drafts, newest first',
      params: ConnectionParams,
      querystring: DraftListQuery,
      response: { 200: Page, ...problemResponses }
    },
    handler: async ({ mailbox: { gmail }, query }, reply) => {
      const page = await listDrafts(gmail, query)
      if (query.view === 'ids') return page
      const ids = page.items.map(({ id }) => id)
      const read = (id: string) => (query.view === 'full' ? readDraft(gmail, id) : readDraftSummary(gmail, id))
      return sendItems(reply, expand<z.infer<typeof DraftView | typeof DraftSummary>>(ids, read), page.nextPageToken)
    }
  })

  app.route({
    method: 'GET',
    url: '/drafts/:draftId',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getDraft',
      tags,
      summary: 'One draft',
      params: DraftParams,
      response: { 200: DraftView, ...problemResponses }
    },
    handler: async ({ mailbox, params }, reply) => sendMail(reply, await readDraft(mailbox.gmail, params.draftId))
  })

  app.route({
    ...writing,
    method: 'PUT',
    url: '/drafts/:draftId',
    schema: {
      operationId: 'updateDraft',
      tags,
      summary: 'Replace a draft; it stays in its conversation',
      consumes,
      params: DraftParams,
      body: OutgoingMail,
      response: { 200: DraftSummary, ...problemResponses }
    },
    handler: ({ mailbox, params, body, mailFiles }) =>
      app.sending.drafts.update(mailbox, params.draftId, body, mailFiles)
  })

  app.route({
    method: 'DELETE',
    url: '/drafts/:draftId',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'deleteDraft',
      tags,
      summary: 'Delete a draft for good',
      params: DraftParams,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async ({ mailbox, params }, reply) => {
      await deleteDraft(mailbox.gmail, params.draftId)
      return reply.code(204).send(null)
    }
  })

  app.route({
    method: 'POST',
    url: '/drafts/:draftId/send',
    config: { service: 'gmail', use: 'send' },
    schema: {
      operationId: 'sendDraft',
      tags,
      summary: 'Send a draft, once',
      params: DraftParams,
      headers: IdempotencyKey,
      response: { 200: SentView, ...problemResponses }
    },
    handler: async ({ mailbox, params, headers }, reply) => {
      const { sent, isReplayed } = await app.sending.sendDraft(mailbox, params.draftId, {
        key: headers['idempotency-key']
      })
      if (isReplayed) reply.header('idempotency-replayed', 'true')
      return sent
    }
  })
}

export default drafts
