import { GmailError } from '../gmail-errors.ts'
import { FIXED_LABELS, type Labels } from './labels.ts'

export interface LabelChange {
  add: string[]
  remove: string[]
}

export function readLabelChange(labels: Labels, body: Record<string, unknown>, otherKeys: string[]): LabelChange {
  const unknown = Object.keys(body).find(key => !['addLabelIds', 'removeLabelIds', ...otherKeys].includes(key))
  if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
  const add = readStrings(body, 'addLabelIds')
  const remove = readStrings(body, 'removeLabelIds')
  if (add.length + remove.length === 0) throw new GmailError('invalidArgument', 'No label add or removes specified')
  const invalid = [...add, ...remove].find(label => !labels.has(label) || FIXED_LABELS.includes(label))
  if (invalid !== undefined) throw new GmailError('invalidArgument', `Invalid label: ${invalid}`)
  const both = add.find(label => remove.includes(label))
  if (both !== undefined) throw new GmailError('invalidArgument', `Cannot both add and remove: ${both}`)
  return { add, remove }
}

export function readStrings(body: Record<string, unknown>, key: string): string[] {
  const value = body[key] ?? []
  if (!Array.isArray(value)) throw new GmailError('invalidArgument', key)
  return value.map(item => {
    if (typeof item !== 'string') throw new GmailError('invalidArgument', key)
    return item
  })
}
