import { toBytes } from '../content.ts'
import { headerValue } from '../mime/headers.ts'
import type { Labels } from './labels.ts'
import { leavesOf, type StoredMessage } from './message.ts'

type Test = (message: StoredMessage) => boolean

const PLACES: Record<string, string> = { sent: 'SENT', draft: 'DRAFT', drafts: 'DRAFT', bin: 'TRASH' }

/** As much of Gmail's search as tests and demos ask for: its operators below, and words that must all occur. */
export function toSearch(q: string, labels: Labels): { matches: Test; isEverywhere: boolean } {
  const terms = q.match(/-?(?:[a-z0-9_]+:)?(?:"[^"]*"|\([^()]*\)|\S+)/gi) ?? []
  const tests: Test[] = []
  let isEverywhere = false
  for (const term of terms) {
    const isNegated = term.startsWith('-')
    const [, operator = '', quoted = ''] = /^-?(?:([a-z0-9_]+):)?(.*)$/is.exec(term) ?? []
    const value = quoted.replace(/^["(]|[")]$/g, '').toLowerCase()
    if (operator.toLowerCase() === 'in' || operator.toLowerCase() === 'rfc822msgid') {
      isEverywhere ||= operator === 'rfc822msgid' || /^(anywhere|trash|bin|spam)$/.test(value)
    }
    const test = toTest(operator.toLowerCase(), value, labels)
    tests.push(isNegated ? message => !test(message) : test)
  }
  return { matches: message => tests.every(test => test(message)), isEverywhere }
}

function toTest(operator: string, value: string, labels: Labels): Test {
  const inHeader =
    (name: string): Test =>
    message =>
      headerOf(message, name).includes(value)
  switch (operator) {
    case 'rfc822msgid':
      return message => headerOf(message, 'message-id').replace(/[<>]/g, '').trim() === value.replace(/[<>]/g, '')
    case 'after':
    case 'newer':
      return message => message.internalDateMs >= toMs(value)
    case 'before':
    case 'older':
      return message => message.internalDateMs < toMs(value)
    case 'in':
      if (value === 'anywhere') return () => true
      return message => message.labelIds.includes(PLACES[value] ?? value.toUpperCase())
    case 'is':
      if (value === 'read') return message => !message.labelIds.includes('UNREAD')
      return message => message.labelIds.includes(value.toUpperCase())
    case 'label': {
      const asked = value.replaceAll('-', ' ')
      const label = labels
        .list()
        .find(({ id, name }) => [id, name].some(one => one.toLowerCase().replaceAll('-', ' ') === asked))
      return message => label !== undefined && message.labelIds.includes(label.id)
    }
    case 'has':
      return message => value === 'attachment' && message.attachments.length > 0
    case 'filename':
      return message => message.attachments.some(({ filename }) => filename.toLowerCase().includes(value))
    case 'from':
    case 'to':
    case 'cc':
    case 'subject':
      return inHeader(operator)
    default: {
      const words = operator === '' ? value : `${operator}:${value}`
      return message => textOf(message).includes(words)
    }
  }
}

function headerOf(message: StoredMessage, name: string): string {
  return (headerValue(message.root.headers, name) ?? '').toLowerCase()
}

const SEARCHED_BYTES = 65_536

function textOf(message: StoredMessage): string {
  const heads = ['subject', 'from', 'to'].map(name => headerOf(message, name))
  const bodies = leavesOf(message.root)
    .filter(part => part.isInPlace && part.mimeType.startsWith('text/') && (part.content?.size ?? 0) <= SEARCHED_BYTES)
    .map(part => (part.content ? toBytes(part.content).toString().toLowerCase() : ''))
  return [...heads, ...bodies].join('\n')
}

/** Seconds since 1970, or a date `2026/11/27`. */
function toMs(value: string): number {
  if (/^\d{5,}$/.test(value)) return Number(value) * 1000
  return Date.parse(`${value.replaceAll('/', '-')}T00:00:00Z`)
}
