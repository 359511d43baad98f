import { BSON } from 'mongodb'
import { badValue, CommandError, failedToParse, unsupported } from './command.ts'
import { compareValues } from './compare.ts'
import { compileFilter, isOperatorDoc } from './filter.ts'
import {
  bsonType,
  clone,
  type Doc,
  isDoc,
  isNumeric,
  own,
  setOwn,
  toDouble,
  toNumeric,
  toWholeNumber
} from './values.ts'

/** Makes the new document from the stored one, which stays as it is. */
export type Update = (doc: Doc, isInsert: boolean) => Doc

/** From the value at the path (undefined: missing) to the new one (undefined: remove it, or leave it absent). */
type Change = (current: unknown) => unknown

interface Step {
  path: string
  operator: string
  change: Change
}

const maxLong = 2n ** 63n - 1n

/** int32, int64 and double add up as on the server: the wider type wins, int32 grows into int64 on overflow. */
function addNumbers(a: unknown, b: unknown): unknown {
  const types = [bsonType(a), bsonType(b)]
  if (types.includes('double')) return toDouble(Number(toNumeric(a)) + Number(toNumeric(b)))
  const sum = BigInt(toNumeric(a)) + BigInt(toNumeric(b))
  if (!types.includes('long') && sum === BigInt.asIntN(32, sum)) return Number(sum)
  if (sum > maxLong || sum < -maxLong - 1n) throw badValue('$inc would overflow int64')
  return BSON.Long.fromBigInt(sum)
}

function increment(operand: unknown, path: string): Change {
  if (!isNumeric(operand)) throw new CommandError(14, `Cannot increment '${path}' with a non-numeric argument`)
  return current => {
    if (current === undefined) return operand
    if (isNumeric(current)) return addNumbers(current, operand)
    throw new CommandError(14, `Cannot apply $inc to '${path}', which is not numeric`)
  }
}

const extreme =
  (sign: number) =>
  (operand: unknown): Change =>
  current =>
    current === undefined || compareValues(operand, current) * sign < 0 ? clone(operand) : current

function requireArray(path: string, current: unknown): unknown[] {
  if (Array.isArray(current)) return current
  throw badValue(`The field '${path}' must be an array but is of type ${bsonType(current)}`)
}

function push(operand: unknown, path: string): Change {
  const { $each: items, $slice, ...others } = isOperatorDoc(operand) ? operand : { $each: [operand] }
  const [other] = Object.keys(others)
  if (other) throw unsupported(`${other} in $push`)
  if (!Array.isArray(items)) throw new CommandError(14, 'The argument to $each in $push must be an array')
  const slice = toWholeNumber($slice ?? Number.MAX_SAFE_INTEGER)
  if (slice === undefined) throw badValue('The value for $slice must be an integer')
  return current => {
    const list = [...(current === undefined ? [] : requireArray(path, current)), ...clone(items)]
    return slice >= 0 ? list.slice(0, slice) : list.slice(slice)
  }
}

function pull(operand: unknown, path: string): Change {
  const isOnFields = isDoc(operand) && !isOperatorDoc(operand)
  const matches = compileFilter(isOnFields ? operand : { item: operand })
  const isPulled = (item: unknown): boolean => (isOnFields ? isDoc(item) && matches(item) : matches({ item }))
  return current => (current === undefined ? undefined : requireArray(path, current).filter(item => !isPulled(item)))
}

const set = (operand: unknown): Change => {
  return () => clone(operand)
}

const operators: Readonly<Record<string, (operand: unknown, path: string) => Change>> = {
  $set: set,
  $setOnInsert: set,
  $unset: () => () => undefined,
  $inc: increment,
  $min: extreme(1),
  $max: extreme(-1),
  $push: push,
  $pull: pull
}

export const isReplacement = (update: unknown): boolean => isDoc(update) && !Object.keys(update)[0]?.startsWith('$')

export function compileUpdate(update: unknown): Update {
  if (Array.isArray(update)) throw unsupported('updates by a pipeline')
  if (!isDoc(update)) throw failedToParse('Update argument must be an object')
  if (isReplacement(update)) {
    const dollar = Object.keys(update).find(key => key.startsWith('$'))
    if (dollar) throw new CommandError(52, `The field '${dollar}' is not allowed in a replacement document`)
    return () => clone(update)
  }
  const steps = Object.keys(update).flatMap(name => compileSteps(name, update[name]))
  requireDisjoint(steps.map(({ path }) => path))
  // The server applies fields in the order of their names, whatever order they were given in.
  steps.sort((a, b) => (a.path < b.path ? -1 : 1))
  return (doc, isInsert) => {
    const next = clone(doc)
    for (const { path, operator, change } of steps) {
      if (isInsert || operator !== '$setOnInsert')
        changeAt(next, path, operator !== '$unset' && operator !== '$pull', change)
    }
    return next
  }
}

function compileSteps(operator: string, fields: unknown): Step[] {
  const compile = own(operators, operator) as (typeof operators)[string] | undefined
  if (!compile) throw unsupported(`update operator ${operator}`)
  if (!isDoc(fields)) throw failedToParse(`${operator} needs a document of fields`)
  return Object.keys(fields).map(path => ({ path, operator, change: compile(fields[path], path) }))
}

function requireDisjoint(paths: string[]): void {
  for (const [i, path] of paths.entries()) {
    for (const part of path.split('.')) {
      if (part === '') throw new CommandError(56, `The update path '${path}' contains an empty field name`)
      if (part.startsWith('$')) throw unsupported(`positional or $-prefixed update path '${path}'`)
    }
    const other = paths.slice(0, i).find(seen => `${seen}.`.startsWith(`${path}.`) || path.startsWith(`${seen}.`))
    if (other !== undefined) throw new CommandError(40, `Updating '${path}' and '${other}' would conflict`)
  }
}

function changeAt(doc: Doc, path: string, creates: boolean, change: Change): void {
  const parts = path.split('.')
  const last = parts.pop() as string
  let node = doc
  for (const part of parts) {
    let next = own(node, part)
    if (Array.isArray(next)) throw unsupported(`update path '${path}' into an array`)
    if (!isDoc(next)) {
      if (!creates) return
      if (next !== undefined) throw new CommandError(28, `Cannot create '${path}': '${part}' is no document`)
      next = {}
      setOwn(node, part, next)
    }
    node = next as Doc
  }
  const value = change(own(node, last))
  if (value === undefined) delete node[last]
  else setOwn(node, last, value)
}

/** The fields an upsert takes from its query: those the query says are equal to something. */
function plantEqualities(filter: Doc, seed: Doc): Doc {
  for (const [path, operand] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) plantEqualities(clause, seed)
    }
    if (path.startsWith('$') || operand instanceof BSON.BSONRegExp) continue
    if (isOperatorDoc(operand) && !('$eq' in operand)) continue
    changeAt(seed, path, true, current => {
      if (current !== undefined) throw new CommandError(54, `cannot infer query fields to set: '${path}' twice`)
      return clone(isOperatorDoc(operand) ? operand.$eq : operand)
    })
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
