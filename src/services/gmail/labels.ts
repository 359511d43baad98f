import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { GuichetError } from '../../errors.ts'
import { ask } from './answer.ts'
import { refusalOf } from './google-error.ts'
import type { Mailbox } from './mailbox.ts'
import type { CountedLabelView, LabelView } from './views.ts'

type Label = gmail_v1.Schema$Label

/** Labels by id or by name. */
export interface LabelChange {
  addLabels?: readonly string[] | undefined
  removeLabels?: readonly string[] | undefined
}

export interface LabelIds {
  addLabelIds: string[]
  removeLabelIds: string[]
}

export interface LabelFields {
  name?: string | undefined
  color?: { textColor: string; backgroundColor: string } | undefined
  labelListVisibility?: string | undefined
  messageListVisibility?: string | undefined
}

export interface Labels {
  /** 1 unit. */
  list(mailbox: Mailbox): Promise<LabelView[]>
  /**
   * The ids of a change: 1 unit where it names a label, nothing while the mailbox's names are remembered.
   * @throws GuichetError `invalid_request` with a pointer for what Gmail would refuse
   */
  resolve(mailbox: Mailbox, change: LabelChange): Promise<LabelIds>
  /**
   * The ids of labels, each given by id or by name, at the same cost.
   * @throws GuichetError `invalid_request` with a pointer below `pointer` where the mailbox has no such label
   */
  find(mailbox: Mailbox, labels: readonly string[], pointer: string): Promise<string[]>
  /** With counts: 1 unit. */
  get(mailbox: Mailbox, id: string): Promise<CountedLabelView>
  /** `created` is false where there was one of that name. */
  create(mailbox: Mailbox, fields: LabelFields & { name: string }): Promise<{ label: LabelView; created: boolean }>
  update(mailbox: Mailbox, id: string, fields: LabelFields): Promise<LabelView>
  delete(mailbox: Mailbox, id: string): Promise<void>
}

const userId = 'me'
const rememberedMs = 60_000
const maxRemembered = 1000

/** Gmail sets and removes these itself. */
const fixed = new Set(['SENT', 'DRAFT', 'CHAT'])
const system = new Set([
  ...['INBOX', 'SPAM', 'TRASH', 'UNREAD', 'STARRED', 'IMPORTANT', 'SENT', 'DRAFT', 'CHAT'],
  ...['PERSONAL', 'SOCIAL', 'PROMOTIONS', 'UPDATES', 'FORUMS'].map(name => `CATEGORY_${name}`)
])
/** Names that Gmail keeps for itself, in any spelling. */
const reserved = new Set([
  'inbox',
  'spam',
  'trash',
  'bin',
  'unread',
  'starred',
  'important',
  'sent',
  'draft',
  'drafts',
  'chat',
  'chats'
])

/** The labels of mailboxes. Their names are remembered for a minute, in memory. */
export function createLabels({ nowMs }: { nowMs: () => number }): Labels {
  const known = new Map<string, { labels: LabelView[]; untilMs: number }>()
  const keyOf = ({ connection }: Mailbox) => connection._id.toHexString()

  async function list(mailbox: Mailbox): Promise<LabelView[]> {
    const labels = await ask(
      mailbox.gmail,
      'labels.list',
      (users, options) => users.labels.list({ userId }, options),
      (answer: gmail_v1.Schema$ListLabelsResponse) => (answer.labels ?? []).map(toLabelView)
    )
    known.delete(keyOf(mailbox))
    known.set(keyOf(mailbox), { labels, untilMs: nowMs() + rememberedMs })
    for (const oldest of known.keys()) {
      if (known.size <= maxRemembered) break
      known.delete(oldest)
    }
    return labels
  }

  async function findAll(mailbox: Mailbox, names: readonly string[]): Promise<Map<string, string>> {
    const remembered = known.get(keyOf(mailbox))
    const isFresh = remembered !== undefined && remembered.untilMs > nowMs()
    const found = matchAll(isFresh ? remembered.labels : await list(mailbox), names)
    // One that is not among them may have been made a moment ago.
    return isFresh && found.size < new Set(names).size ? matchAll(await list(mailbox), names) : found
  }

  async function find(mailbox: Mailbox, labels: readonly string[], pointer: string): Promise<string[]> {
    const named = labels.filter(label => toPlainId(label) === undefined)
    const found = named.length > 0 ? await findAll(mailbox, named) : new Map<string, string>()
    return labels.map((label, at) => {
      const id = toPlainId(label) ?? found.get(label)
      if (id === undefined) throw refusal(`${pointer}/${at}`, 'is no label of this mailbox')
      return id
    })
  }

  return {
    list,
    find,
    async resolve(mailbox, { addLabels = [], removeLabels = [] }) {
      const fields = { addLabels, removeLabels }
      if (addLabels.length + removeLabels.length === 0)
        throw refusal('/body/addLabels', 'must name a label, or removeLabels must')
      for (const [field, labels] of Object.entries(fields)) {
        for (const [at, label] of labels.entries()) {
          if (fixed.has(label.toUpperCase())) throw refusal(`/body/${field}/${at}`, 'is set and removed by Gmail alone')
        }
      }
      const added = await find(mailbox, addLabels, '/body/addLabels')
      const removed = await find(mailbox, removeLabels, '/body/removeLabels')
      const both = removed.findIndex(id => added.includes(id))
      if (both >= 0) throw refusal(`/body/removeLabels/${both}`, 'is in addLabels too')
      return { addLabelIds: [...new Set(added)], removeLabelIds: [...new Set(removed)] }
    },
    get: ({ gmail }, id) =>
      ask(gmail, 'labels.get', (users, options) => users.labels.get({ userId, id }, options), toCountedLabelView),
    async create(mailbox, fields) {
      requireFreeName(fields.name)
      known.delete(keyOf(mailbox))
      try {
        const label = await mailbox.gmail.call('labels.create', (users, options) =>
          users.labels.create({ userId, requestBody: toResource(fields) }, options)
        )
        return { label: toLabelView(label), created: true }
      } catch (error) {
        if (refusalOf(error)?.status !== 409) throw error
        const label = findByName(await list(mailbox), fields.name)
        if (!label) throw error
        return { label, created: false }
      }
    },
    async update(mailbox, id, fields) {
      requireOwn(id)
      if (fields.name !== undefined) requireFreeName(fields.name)
      known.delete(keyOf(mailbox))
      try {
        const label = await mailbox.gmail.call('labels.patch', (users, options) =>
          users.labels.patch({ userId, id, requestBody: toResource(fields) }, options)
        )
        return toLabelView(label)
      } catch (error) {
        throw refusalOf(error)?.status === 409 ? refusal('/body/name', 'is the name of another label') : error
      }
    },
    async delete(mailbox, id) {
      requireOwn(id)
      known.delete(keyOf(mailbox))
      await mailbox.gmail.call('labels.delete', (users, options) => users.labels.delete({ userId, id }, options))
    }
  }
}

/** An id that needs no looking up: the system's, in any spelling, and those that Gmail gives. */
function toPlainId(label: string): string | undefined {
  const upper = label.toUpperCase()
  if (system.has(upper)) return upper
  return /^Label_\d+$/.test(label) ? label : undefined
}

function matchAll(labels: readonly LabelView[], names: readonly string[]): Map<string, string> {
  const ids = new Set(labels.map(({ id }) => id))
  return new Map(
    names.flatMap(name => {
      const id = ids.has(name) ? name : findByName(labels, name)?.id
      return id === undefined ? [] : [[name, id] as const]
    })
  )
}

/** Gmail treats names that differ only in capitals as the same. */
function findByName(labels: readonly LabelView[], name: string): LabelView | undefined {
  return (
    labels.find(label => label.name === name) ?? labels.find(label => label.name.toLowerCase() === name.toLowerCase())
  )
}

function requireFreeName(name: string): void {
  if (reserved.has(name.toLowerCase()) || system.has(name.toUpperCase()))
    throw refusal('/body/name', 'is a name that Gmail keeps for itself')
  if (name !== name.trim() || /\s\s|^\/|\/$|\/\//.test(name))
    throw refusal('/body/name', 'must not begin or end with a space or "/", nor have two in a row')
}

function requireOwn(id: string): void {
  if (system.has(id.toUpperCase()))
    throw new GuichetError('invalid_request', {
      errors: [{ pointer: '/params/labelId', message: 'is a label of Gmail itself' }]
    })
}

function refusal(pointer: string, message: string): GuichetError {
  return new GuichetError('invalid_request', { errors: [{ pointer, message }] })
}

function toResource(fields: LabelFields): Label {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function toLabelView({ id, name, type, color, labelListVisibility, messageListVisibility }: Label): LabelView {
  return {
    id: id ?? '',
    name: name ?? '',
    type: type === 'system' ? 'system' : 'user',
    color: color ? { textColor: color.textColor ?? '', backgroundColor: color.backgroundColor ?? '' } : null,
    labelListVisibility: labelListVisibility ?? null,
    messageListVisibility: messageListVisibility ?? null
  }
}

function toCountedLabelView(label: Label): CountedLabelView {
  const { messagesTotal, messagesUnread, threadsTotal, threadsUnread } = label
  return {
    ...toLabelView(label),
    messagesTotal: messagesTotal ?? 0,
    messagesUnread: messagesUnread ?? 0,
    threadsTotal: threadsTotal ?? 0,
    threadsUnread: threadsUnread ?? 0
  }
}
