import { GuichetError, hasCode } from '../../errors.ts'
import { ask } from './answer.ts'
import { base64Stream } from './base64-stream.ts'
import type { Gmail } from './client.ts'
import type { Message } from './message.ts'
import { type Leaf, walk } from './mime/walk.ts'

export interface Attachment {
  filename: string | null
  mimeType: string
  /** As they arrive; complete if they were in the mail's own JSON. */
  bytes: AsyncIterable<Uint8Array> | Buffer
}

/** What Gmail last said about a part: its token works for a few minutes, and only with its own message. */
interface KnownPart {
  filename: string | null
  mimeType: string
  attachmentId: string
}

interface KnownMessage {
  parts: Map<string, KnownPart>
  untilMs: number
}

export interface Attachments {
  /**
   * The bytes of a part, by the id that never changes: 40 units, 20 while its message is remembered.
   * @throws GuichetError `not_found` where the mail has no such part, and those of the calls
   */
  open(mailbox: { gmail: Gmail; connectionId: string }, messageId: string, partId: string): Promise<Attachment>
}

const rememberedMs = 5 * 60_000
const maxRemembered = 500

/** Gmail's own ids of attachments end with its next answer: they are kept for a short while, in memory, and never shown. */
export function createAttachments({ nowMs }: { nowMs: () => number }): Attachments {
  const known = new Map<string, KnownMessage>()

  function remember(key: string, leaves: readonly Leaf[]): void {
    const parts = new Map<string, KnownPart>()
    for (const { id, filename, mimeType, part } of leaves) {
      const attachmentId = part.body?.attachmentId
      if (attachmentId) parts.set(id, { filename, mimeType, attachmentId })
    }
    known.delete(key)
    if (parts.size > 0) known.set(key, { parts, untilMs: nowMs() + rememberedMs })
    // A Map keeps the order of insertion: the first is the oldest.
    for (const oldest of known.keys()) {
      if (known.size <= maxRemembered) break
      known.delete(oldest)
    }
  }

  return {
    async open({ gmail, connectionId }, messageId, partId) {
      const key = `${connectionId} ${messageId}`
      const fetchPart = async ({ attachmentId, ...rest }: KnownPart): Promise<Attachment> => {
        const answer = await gmail.call(
          'messages.attachments.get',
          (users, options) => users.messages.attachments.get({ userId: 'me', messageId, id: attachmentId }, options),
          { stream: true }
        )
        return { ...rest, bytes: base64Stream(answer, 'data') }
      }

      const before = known.get(key)
      const remembered = before && before.untilMs > nowMs() ? before.parts.get(partId) : undefined
      if (remembered) {
        try {
          return await fetchPart(remembered)
        } catch (error) {
          if (!isRefused(error)) throw error
        }
      }
      const leaves = await ask(
        gmail,
        'messages.get',
        (users, options) => users.messages.get({ userId: 'me', id: messageId, format: 'full' }, options),
        ({ payload }: Message) => walk(payload ?? {}).leaves
      )
      remember(key, leaves)
      const leaf = leaves.find(({ id }) => id === partId)
      if (!leaf) throw new GuichetError('not_found')
      const { filename, mimeType, part } = leaf
      const { attachmentId, data = '', size } = part.body ?? {}
      if (attachmentId) return fetchPart({ filename, mimeType, attachmentId })
      const bytes = Buffer.from(data ?? '', 'base64url')
      if (bytes.length < (size ?? 0))
        throw new GuichetError('message_too_large', {
          detail: 'This part comes inside the mail alone: fetch the mail as raw.'
        })
      return { filename, mimeType, bytes }
    }
  }
}

/** Whether Gmail no longer takes the attachment's id. */
function isRefused(error: unknown): boolean {
  return hasCode(error, 'invalid_request') || hasCode(error, 'not_found')
}
