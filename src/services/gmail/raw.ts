import { base64Stream } from './base64-stream.ts'
import type { Gmail } from './client.ts'

/** The mail as it was sent, while it arrives: 20 units. */
export async function openRaw(gmail: Gmail, id: string): Promise<AsyncIterable<Uint8Array>> {
  const answer = await gmail.call(
    'messages.get',
    (users, options) => users.messages.get({ userId: 'me', id, format: 'raw' }, options),
    { stream: true }
  )
  return base64Stream(answer, 'raw')
}
