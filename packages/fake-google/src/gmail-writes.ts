import { GmailError } from './gmail-errors.ts'
import { labelIdsOf, requireMessage } from './gmail-reads.ts'
import type { StoredMessage, User } from './users.ts'

export function modifyMessage(user: User, id: string, body: Record<string, unknown>): unknown {
  const { add, remove } = readLabelChange(user, body, [])
  const message = requireMessage(user, id)
  changeLabels(message, add, remove)
  return toShort(message)
}

/** All or none: an unknown id changes nothing. */
export function batchModify(user: User, body: Record<string, unknown>): void {
  const { add, remove } = readLabelChange(user, body, ['ids'])
  const ids = readStrings(body, 'ids')
  if (ids.length === 0 || ids.length > 1000) throw new GmailError('invalidArgument', 'ids')
  for (const message of ids.map(id => requireMessage(user, id))) changeLabels(message, add, remove)
}

export function trashMessage(user: User, id: string): unknown {
  const message = requireMessage(user, id)
  changeLabels(message, ['TRASH'], ['INBOX'])
  return toShort(message)
}

export function untrashMessage(user: User, id: string): unknown {
  const message = requireMessage(user, id)
  changeLabels(message, [], ['TRASH'])
  return toShort(message)
}

function toShort({ id, threadId, labelIds }: StoredMessage): unknown {
  return { id, threadId, labelIds: [...labelIds] }
}

function changeLabels(message: StoredMessage, add: string[], remove: string[]): void {
  message.labelIds = [...new Set([...message.labelIds, ...add])].filter(label => !remove.includes(label))
}

function readLabelChange(
  user: User,
  body: Record<string, unknown>,
  otherKeys: string[]
): { add: string[]; remove: string[] } {
  const unknown = Object.keys(body).find(key => !['addLabelIds', 'removeLabelIds', ...otherKeys].includes(key))
  if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
  const add = readStrings(body, 'addLabelIds')
  const remove = readStrings(body, 'removeLabelIds')
  if (add.length + remove.length === 0) throw new GmailError('invalidArgument', 'No label add or removes specified')
  const known = labelIdsOf(user)
  const invalid = [...add, ...remove].find(label => !known.includes(label))
  if (invalid !== undefined) throw new GmailError('invalidArgument', `Invalid label: ${invalid}`)
  const both = add.find(label => remove.includes(label))
  if (both !== undefined) throw new GmailError('invalidArgument', `Cannot both add and remove: ${both}`)
  return { add, remove }
}

function readStrings(body: Record<string, unknown>, key: string): string[] {
  const value = body[key] ?? []
  if (!Array.isArray(value)) throw new GmailError('invalidArgument', key)
  return value.map(item => {
    if (typeof item !== 'string') throw new GmailError('invalidArgument', key)
    return item
  })
}
