import * as mingo from 'mingo/operators/update'
import { setValue } from 'mingo/util'
import { asked, badValue, CommandError, failedToParse, unsupported } from './errors.ts'
import { context } from './filter.ts'
import { canonicalKey, typeOf } from './order.ts'
import { clone, type Doc, isDoc, isOperatorDoc, leavesOf, own } from './values.ts'

/** Makes the new document from the stored one, which stays as it is. */
export type Update = (doc: Doc, isInsert: boolean) => Doc
type Change = (doc: Doc) => unknown
type Operator = (fields: Doc, arrayFilters: [], options: never) => Change

// mingo's `$set` ignores a document that differs only in the order of its fields.
const $set: Operator = fields => doc => {
  for (const [path, value] of Object.entries(fields)) setValue(doc, path, clone(value) as never)
}

const { $unset, $inc, $min, $max, $push, $pull } = mingo
const operators = { $set, $setOnInsert: $set, $unset, $inc, $min, $max, $push, $pull } as Record<string, Operator>
const options = { context, idKey: '', local: { updateConfig: { cloneMode: 'deep' } } } as never

export const isReplacement = (update: unknown): boolean => isDoc(update) && !Object.keys(update)[0]?.startsWith('$')

function requireOperand(operator: string, operand: unknown, path: string): void {
  if (operator === '$inc' && typeof operand !== 'number') {
    throw new CommandError(14, `Cannot increment '${path}' with a non-numeric argument`)
  }
  if ((operator === '$min' || operator === '$max') && ['object', 'array'].includes(typeOf(operand))) {
    throw unsupported(`${operator} of documents or arrays`)
  }
  if (operator === '$push' && isOperatorDoc(operand) && Object.keys(operand).join() !== '$each') {
    throw unsupported(`${Object.keys(operand)} in $push`)
  }
}

export function compileUpdate(update: unknown): Update {
  if (Array.isArray(update)) throw unsupported('updates by a pipeline')
  if (!isDoc(update)) throw failedToParse('Update argument must be an object')
  if (isReplacement(update)) {
    const dollar = Object.keys(update).find(key => key.startsWith('$'))
    if (dollar) throw new CommandError(52, `The field '${dollar}' is not allowed in a replacement document`)
    return () => update
  }
  const steps = Object.entries(update).flatMap(([operator, fields]) => {
    const compile = own(operators, operator) as Operator | undefined
    if (!compile) throw unsupported(`update operator ${operator}`)
    if (!isDoc(fields)) throw failedToParse(`${operator} needs a document of fields`)
    return Object.entries(fields).map(([path, operand]) => {
      requireOperand(operator, operand, path)
      return { path, operator, apply: asked(() => compile({ [path]: operand }, [], options)) }
    })
  })
  requireDisjoint(steps.map(({ path }) => path))
  // The server applies fields in the order of their names, whatever order they were given in.
  steps.sort((a, b) => (a.path < b.path ? -1 : 1))
  return (doc, isInsert) => {
    const next = clone(doc)
    for (const { path, operator, apply } of steps) {
      if (!isInsert && operator === '$setOnInsert') continue
      requireChangeable(next, path, operator)
      apply(next)
    }
    return next
  }
}

function requireDisjoint(paths: string[]): void {
  for (const [i, path] of paths.entries()) {
    if (path.includes('$')) throw unsupported(`update path '${path}'`)
    if (path.split('.').includes('')) throw new CommandError(56, `The update path '${path}' has an empty field name`)
    const other = paths.slice(0, i).find(seen => `${seen}.`.startsWith(`${path}.`) || path.startsWith(`${seen}.`))
    if (other !== undefined) throw new CommandError(40, `Updating '${path}' and '${other}' would conflict`)
  }
}

/** mingo ignores a change that it cannot make; the server refuses it. */
function requireChangeable(doc: Doc, path: string, operator: string): void {
  let value: unknown = doc
  for (const part of path.split('.')) {
    const isElement = Array.isArray(value) && /^\d+$/.test(part)
    if (!isDoc(value) && !isElement) {
      if (operator === '$unset' || operator === '$pull') return
      throw new CommandError(28, `Cannot create field '${part}' of '${path}': what is there is no document`)
    }
    value = isElement ? (value as unknown[])[Number(part)] : own(value as Doc, part)
    if (value === undefined) return
  }
  if (operator === '$inc' && typeof value !== 'number') {
    throw new CommandError(14, `Cannot increment '${path}', which is not numeric`)
  }
  if ((operator === '$push' || operator === '$pull') && !Array.isArray(value)) {
    throw badValue(`The field '${path}' must be an array`)
  }
}

/** The fields an upsert takes from its query: those the query says are equal to something. */
function plantEqualities(filter: Doc, seed: Doc): Doc {
  for (const [path, operand] of Object.entries(filter)) {
    if (path === '$and') for (const clause of operand as Doc[]) plantEqualities(clause, seed)
    if (path.startsWith('$') || operand instanceof RegExp) continue
    if (isOperatorDoc(operand) && !('$eq' in operand)) continue
    requireChangeable(seed, path, '$set')
    if (leavesOf(seed, path.split('.'))[0] !== undefined) {
      throw new CommandError(54, `cannot infer query fields to set: '${path}' twice`)
    }
    setValue(seed, path, (isOperatorDoc(operand) ? operand.$eq : operand) as never)
  }
  return seed
}

/** The document an upsert inserts when nothing matched. */
export function upsertDocument(filter: Doc, given: unknown, update: Update): Doc {
  const seed = plantEqualities(filter, {})
  const id = own(seed, '_id')
  const doc = update(isReplacement(given) ? {} : seed, true)
  const next = own(doc, '_id')
  if (id !== undefined && next !== undefined && canonicalKey(id) !== canonicalKey(next)) {
    throw new CommandError(66, "an upsert would modify the immutable field '_id'")
  }
  return next === undefined && id !== undefined ? { _id: id, ...doc } : doc
}
