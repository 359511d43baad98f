import * as mingo from 'mingo/operators/update'
import { BSON } from 'mongodb'
import { asked, badValue, CommandError, failedToParse, unsupported } from './errors.ts'
import { context, translate } from './filter.ts'
import { compareValues } from './order.ts'
import { clone, type Doc, isDoc, isOperatorDoc, leavesOf, own } from './values.ts'

/** Makes the new document from the stored one, which stays as it is. */
export type Update = (doc: Doc, isInsert: boolean) => Doc

export interface UpdateOptions {
  /** The server's clock, for `$currentDate`. */
  now: Date
  /** The query, by which `list.$` is the element it found. */
  filter: Doc
  arrayFilters?: Doc[]
}

interface Step {
  path: string
  operator: string
  apply(doc: Doc): unknown
}

type Mingo = (expression: Doc, arrayFilters: Doc[], options: never) => (doc: Doc) => unknown

const { $set, $unset, $inc, $mul, $min, $max, $push, $pull, $pullAll, $addToSet, $pop, $rename, $bit } = mingo
const operators = {
  ...{ $set, $unset, $inc, $mul, $min, $max, $push, $pull, $pullAll, $addToSet, $pop, $rename, $bit },
  $setOnInsert: $set,
  $currentDate: $set
} as unknown as Readonly<Record<string, Mingo>>

/** They change what is there, and make no path to it. */
const creatingNothing = new Set(['$unset', '$pull', '$pullAll', '$pop', '$rename'])
const ofNumbers = new Set(['$inc', '$mul', '$bit'])
const ofArrays = new Set(['$push', '$addToSet', '$pull', '$pullAll', '$pop'])

export const isReplacement = (update: unknown): boolean => isDoc(update) && !Object.keys(update)[0]?.startsWith('$')

function toOperand(operator: string, operand: unknown, path: string, now: Date): unknown {
  if (ofNumbers.has(operator) && operator !== '$bit' && typeof operand !== 'number') {
    throw new CommandError(14, `Cannot increment '${path}' with a non-numeric argument`)
  }
  if (operator === '$currentDate') {
    if (operand !== true && own(operand as Doc, '$type') !== 'date') throw unsupported('$currentDate of a timestamp')
    return now
  }
  if (operator === '$pull') {
    return isDoc(operand) && !isOperatorDoc(operand) ? translate(operand) : translate({ item: operand }).item
  }
  if (operator !== '$push' && operator !== '$addToSet') return operand
  const { $each, $slice, $position, $sort, ...others } = isOperatorDoc(operand) ? operand : { $each: [operand] }
  if (!Array.isArray($each)) throw new CommandError(14, `The argument to $each in ${operator} must be an array`)
  if ([$slice, $position].some(value => value !== undefined && !Number.isInteger(value))) {
    throw badValue('The value for $slice and $position must be an integer')
  }
  const [other] = Object.keys(others)
  if (other) throw unsupported(`${other} in ${operator}`)
  return isOperatorDoc(operand) ? operand : { $each }
}

export function compileUpdate(update: unknown, { now, filter, arrayFilters = [] }: UpdateOptions): Update {
  if (Array.isArray(update)) throw unsupported('updates by a pipeline')
  if (!isDoc(update)) throw failedToParse('Update argument must be an object')
  if (isReplacement(update)) {
    const dollar = Object.keys(update).find(key => key.startsWith('$'))
    if (dollar) throw new CommandError(52, `The field '${dollar}' is not allowed in a replacement document`)
    return () => clone(update)
  }
  // As mingo's own options, but with the stand-in's query operators.
  const isPositional = Object.values(update).some(fields => isDoc(fields) && Object.keys(fields).join().includes('.$'))
  const condition = isPositional ? translate(filter) : {}
  const options = { context, idKey: '', local: { condition, updateConfig: { cloneMode: 'deep' } } } as never
  const filters = arrayFilters.map(translate)
  const steps = Object.entries(update).flatMap(([operator, fields]) => {
    const compile = own(operators, operator) as Mingo | undefined
    if (!compile) throw unsupported(`update operator ${operator}`)
    if (!isDoc(fields)) throw failedToParse(`${operator} needs a document of fields`)
    return Object.entries(fields).map(([path, given]): Step => {
      const operand = toOperand(operator, given, path, now)
      return { path, operator, apply: asked(() => compile({ [path]: operand }, filters, options)) }
    })
  })
  const renamed = Object.values((update.$rename ?? {}) as Doc).map(String)
  requireDisjoint([...steps.map(({ path }) => path), ...renamed])
  // The server applies fields in the order of their names, whatever order they were given in.
  steps.sort((a, b) => (a.path < b.path ? -1 : 1))
  return (doc, isInsert) => {
    const next = clone(doc)
    for (const step of steps) {
      if (!isInsert && step.operator === '$setOnInsert') continue
      if (!step.path.includes('$')) ready(next, step)
      asked(() => step.apply(next))
    }
    return next
  }
}

function requireDisjoint(paths: string[]): void {
  for (const [i, path] of paths.entries()) {
    for (const part of path.split('.')) {
      if (part === '') throw new CommandError(56, `The update path '${path}' contains an empty field name`)
      if (/^\$(?!$|\[)/.test(part)) throw unsupported(`$-prefixed update path '${path}'`)
    }
    const other = paths.slice(0, i).find(seen => `${seen}.`.startsWith(`${path}.`) || path.startsWith(`${seen}.`))
    if (other !== undefined) throw new CommandError(40, `Updating '${path}' and '${other}' would conflict`)
  }
}

/** mingo passes over what it cannot change; the server says so. */
function ready(doc: Doc, { operator, path }: Pick<Step, 'operator' | 'path'>): void {
  const parts = path.split('.')
  let value: unknown = doc
  for (const part of parts) {
    const isElement = Array.isArray(value) && /^\d+$/.test(part)
    if (!isDoc(value) && !isElement) {
      if (creatingNothing.has(operator)) return
      throw new CommandError(28, `Cannot create field '${part}' of '${path}': what is there is no document`)
    }
    value = isElement ? (value as unknown[])[Number(part)] : own(value as Doc, part)
    if (value === undefined) break
  }
  if (value === undefined && operator === '$push') mingo.$set({ [path]: [] })(doc) // mingo's forgets $slice there
  if (value === undefined) return
  if (ofNumbers.has(operator) && typeof value !== 'number') {
    throw new CommandError(14, `Cannot apply ${operator} to '${path}', which is not numeric`)
  }
  if (ofArrays.has(operator) && !Array.isArray(value)) throw badValue(`The field '${path}' must be an array`)
}

/** The fields an upsert takes from its query: those the query says are equal to something. */
function plantEqualities(filter: Doc, seed: Doc): Doc {
  for (const [path, operand] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) plantEqualities(clause, seed)
    }
    if (path.startsWith('$') || operand instanceof BSON.BSONRegExp) continue
    if (isOperatorDoc(operand) && !('$eq' in operand)) continue
    ready(seed, { operator: '$set', path })
    if (leavesOf(seed, path.split('.'))[0] !== undefined) {
      throw new CommandError(54, `cannot infer query fields to set: '${path}' twice`)
    }
    const value = isOperatorDoc(operand) ? operand.$eq : operand
    if (path === '_id') seed._id = value
    else mingo.$set({ [path]: clone(value) })(seed)
  }
  return seed
}

/** The document an upsert inserts when nothing matched. */
export function upsertDocument(filter: Doc, given: unknown, update: Update): Doc {
  const seed = plantEqualities(filter, {})
  const id = own(seed, '_id')
  const doc = update(isReplacement(given) ? {} : seed, true)
  const next = own(doc, '_id')
  if (id !== undefined && next !== undefined && compareValues(id, next) !== 0) {
    throw new CommandError(66, "an upsert would modify the immutable field '_id'")
  }
  return next === undefined && id !== undefined ? { _id: id, ...doc } : doc
}
