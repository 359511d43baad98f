import { ObjectId } from 'mongodb'
import t from 'tap'
import type { EventList } from '../../../../src/events/event-list.ts'
import { createBell } from '../../../../src/services/gmail/news/bell.ts'
import { createStreams } from '../../../../src/services/gmail/news/stream.ts'

const events = { last: async () => 7, after: async () => [] } as unknown as EventList

function quiet({ isAllowed = async () => true }: { isAllowed?: () => Promise<boolean> } = {}) {
  const bell = createBell({ events, intervalMs: 1, onError: t.error })
  const leaving = new AbortController()
  const connectionId = new ObjectId()
  const toStream = createStreams({ events, bell, keepAliveMs: 10 })
  const options = { connectionId, lastEventId: undefined, isAllowed, toData: () => ({}), signal: leaving.signal }
  return { bell, leaving, frames: toStream(options) }
}

t.test('[G32] a stream › a quiet mailbox › a retry time first, then heartbeats', async t => {
  const { bell, leaving, frames } = quiet()
  t.match(await frames.next(), { value: /^retry: \d+\n\n$/ })
  for (let times = 0; times < 3; times++) t.match(await frames.next(), { value: /^: .*\n\n$/ })
  leaving.abort()
  t.match(await frames.next(), { done: true })
  bell.close()
})

t.test('[G32] a stream › a quiet mailbox, and its reader loses access › ends all the same', async t => {
  let allowed = true
  const { bell, frames } = quiet({ isAllowed: async () => allowed })
  await frames.next()
  await frames.next()
  allowed = false
  t.match(await frames.next(), { done: true })
  bell.close()
})
