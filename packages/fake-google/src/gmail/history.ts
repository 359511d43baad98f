import { GmailError } from '../gmail-errors.ts'
import type { StoredMessage } from './message.ts'

export const HISTORY_TYPES = ['messageAdded', 'messageDeleted', 'labelAdded', 'labelRemoved'] as const
export type HistoryType = (typeof HISTORY_TYPES)[number]

interface MessageStub {
  id: string
  threadId: string
  labelIds: string[]
}

export interface HistoryRecord {
  id: bigint
  type: HistoryType
  message: MessageStub
  /** Those that came or went. */
  labelIds: string[]
}

export interface History {
  readonly records: readonly HistoryRecord[]
  current(): bigint
  /** Gives the number of the change, which skips some. */
  record(type: HistoryType, message: StoredMessage | MessageStub, labelIds?: string[]): bigint
  /** Goes on from that number: above 2^53, say. */
  jumpTo(historyId: string | bigint): void
  /** Cursors from before now answer 404. */
  forget(): void
  /** Throws 404 for what is too old or not yet there. */
  since(historyId: bigint): HistoryRecord[]
}

const STEPS = [1, 3, 2, 17, 1, 5, 240, 2]

export function createHistory(onChange: () => void = () => {}): History {
  const records: HistoryRecord[] = []
  let current = 1000n
  let oldest = 0n
  let step = 0

  return {
    records,
    current: () => current,
    record(type, { id, threadId, labelIds: carried }, labelIds = []) {
      // Numbers increase and have gaps: the mailbox's other clients count too.
      current += BigInt(STEPS[step++ % STEPS.length] ?? 1)
      records.push({ id: current, type, message: { id, threadId, labelIds: [...carried] }, labelIds: [...labelIds] })
      // Only once the change has been made.
      queueMicrotask(onChange)
      return current
    },
    jumpTo(historyId) {
      if (BigInt(historyId) <= current) throw new Error('history only goes forward')
      current = BigInt(historyId)
    },
    forget() {
      oldest = current
    },
    since(historyId) {
      if (historyId < oldest || historyId > current) throw new GmailError('notFound')
      return records.filter(record => record.id > historyId)
    }
  }
}
