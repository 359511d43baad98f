import { isContent } from '../content.ts'
import { GmailError } from '../gmail-errors.ts'

/** What of an answer is asked for: a name, and of it all or only these. */
type Mask = Map<string, Mask | 'all'>

/** A partial answer (`fields=id,payload(partId,parts/body)`), as all of Google's APIs give it. */
export function narrow(value: unknown, fields: string): unknown {
  const reader = { text: fields.replace(/\s/g, ''), position: 0 }
  const mask = readList(reader)
  if (reader.position !== reader.text.length) throw new GmailError('invalidArgument', 'Invalid field selection')
  return pick(value, mask)
}

interface Reader {
  text: string
  position: number
}

function readList(reader: Reader): Mask {
  const mask: Mask = new Map()
  do {
    const name = /^[A-Za-z0-9_*]+/.exec(reader.text.slice(reader.position))?.[0]
    if (name === undefined) throw new GmailError('invalidArgument', 'Invalid field selection')
    reader.position += name.length
    mask.set(name, readBelow(reader))
  } while (takes(reader, ','))
  return mask
}

function readBelow(reader: Reader): Mask | 'all' {
  if (takes(reader, '/')) {
    const name = /^[A-Za-z0-9_*]+/.exec(reader.text.slice(reader.position))?.[0]
    if (name === undefined) throw new GmailError('invalidArgument', 'Invalid field selection')
    reader.position += name.length
    return new Map([[name, readBelow(reader)]])
  }
  if (!takes(reader, '(')) return 'all'
  const mask = readList(reader)
  if (!takes(reader, ')')) throw new GmailError('invalidArgument', 'Invalid field selection')
  return mask
}

function takes(reader: Reader, character: string): boolean {
  if (reader.text[reader.position] !== character) return false
  reader.position += 1
  return true
}

function pick(value: unknown, mask: Mask | 'all'): unknown {
  if (mask === 'all' || typeof value !== 'object' || value === null || isContent(value)) return value
  if (Array.isArray(value)) return value.map(item => pick(item, mask))
  const picked: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    const below = mask.get(name) ?? mask.get('*')
    if (below !== undefined) picked[name] = pick(item, below)
  }
  return picked
}
