import { GmailError } from '../gmail-errors.ts'

const SYSTEM_LABELS: readonly string[] = [
  ...['INBOX', 'SENT', 'DRAFT', 'TRASH', 'SPAM', 'UNREAD', 'STARRED', 'IMPORTANT', 'CHAT'],
  ...['SOCIAL', 'PROMOTIONS', 'UPDATES', 'FORUMS', 'PERSONAL'].map(name => `CATEGORY_${name}`)
]

/** What no client may add or take away. */
export const FIXED_LABELS: readonly string[] = ['SENT', 'DRAFT', 'CHAT']

export interface Label {
  id: string
  name: string
  type: 'system' | 'user'
  messageListVisibility?: string
  labelListVisibility?: string
  color?: { textColor: string; backgroundColor: string }
}

export interface Labels {
  list(): Label[]
  /** Throws notFound. */
  require(id: string): Label
  has(id: string): boolean
  /** Throws 400 for a bad name, 409 for one that exists. */
  create(fields: Record<string, unknown>): Label
  update(id: string, fields: Record<string, unknown>, isWhole: boolean): Label
  delete(id: string): void
  /** Makes sure that a label which a seed names is there, under its id as name. */
  adopt(id: string): void
}

const VISIBILITIES: Record<string, readonly string[]> = {
  messageListVisibility: ['show', 'hide'],
  labelListVisibility: ['labelShow', 'labelShowIfUnread', 'labelHide']
}
const MAX_NAME_CHARACTERS = 225

export function createLabels(): Labels {
  const user = new Map<string, Label>()
  let serial = 0

  function requireOwn(id: string): Label {
    if (SYSTEM_LABELS.includes(id)) throw new GmailError('invalidArgument', 'Invalid request: system label')
    const label = user.get(id)
    if (!label) throw new GmailError('notFound')
    return label
  }

  function requireFreeName(name: unknown, ownId?: string): string {
    if (typeof name !== 'string' || name.trim() === '') throw new GmailError('invalidArgument', 'Invalid label name')
    if (name.length > MAX_NAME_CHARACTERS || name !== name.trim() || /\s{2}|^\/|\/$|\/\//.test(name)) {
      throw new GmailError('invalidArgument', 'Invalid label name')
    }
    // The system's names are reserved in every spelling.
    if (SYSTEM_LABELS.includes(name.toUpperCase())) throw new GmailError('invalidArgument', 'Invalid label name')
    const taken = [...user.values()].some(
      label => label.id !== ownId && label.name.toLowerCase() === name.toLowerCase()
    )
    if (taken) throw new GmailError('aborted', 'Label name exists or conflicts')
    return name
  }

  function readFields(fields: Record<string, unknown>): Partial<Label> {
    const known = ['id', 'name', 'type', 'color', ...Object.keys(VISIBILITIES)]
    const unknown = Object.keys(fields).find(key => !known.includes(key))
    if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
    for (const [key, allowed] of Object.entries(VISIBILITIES)) {
      const value = fields[key]
      if (value !== undefined && !allowed.includes(String(value))) throw new GmailError('invalidArgument', key)
    }
    const { messageListVisibility, labelListVisibility, color } = fields as Partial<Label>
    return {
      ...(messageListVisibility === undefined ? {} : { messageListVisibility }),
      ...(labelListVisibility === undefined ? {} : { labelListVisibility }),
      ...(color === undefined ? {} : { color })
    }
  }

  return {
    list: () => [...SYSTEM_LABELS.map(toSystemLabel), ...user.values()],
    require(id) {
      const label = SYSTEM_LABELS.includes(id) ? toSystemLabel(id) : user.get(id)
      if (!label) throw new GmailError('notFound')
      return label
    },
    has: id => SYSTEM_LABELS.includes(id) || user.has(id),
    create(fields) {
      const more = readFields(fields)
      const name = requireFreeName(fields.name)
      do serial += 1
      while (user.has(`Label_${serial}`))
      const label: Label = { id: `Label_${serial}`, name, type: 'user', ...more }
      user.set(label.id, label)
      return label
    },
    update(id, fields, isWhole) {
      const label = requireOwn(id)
      const more = readFields(fields)
      const name = fields.name === undefined && !isWhole ? label.name : requireFreeName(fields.name, id)
      return Object.assign(label, more, { name })
    },
    delete(id) {
      requireOwn(id)
      user.delete(id)
    },
    adopt(id) {
      if (!SYSTEM_LABELS.includes(id) && !user.has(id)) user.set(id, { id, name: id, type: 'user' })
    }
  }
}

function toSystemLabel(id: string): Label {
  return { id, name: id, type: 'system' }
}
