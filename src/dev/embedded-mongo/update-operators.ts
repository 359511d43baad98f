import { BSON } from 'mongodb'
import { addNumbers, multiplyNumbers, toWholeNumber } from './arithmetic.ts'
import { compareValues, isNumeric } from './compare.ts'
import { print } from './duplicate-key.ts'
import { badValue, CommandError } from './errors.ts'
import { compileFilter, isOperatorDoc } from './filter.ts'
import { sortBy } from './sort.ts'
import { bsonType, clone, type Doc, isDoc } from './values.ts'

/** From the value at the path (undefined: missing) to the new one (undefined: remove it, or leave it absent). */
export type Change = (current: unknown) => unknown

export interface Operator {
  compile(operand: unknown, path: string, now: Date): Change
  /** Whether a missing path is created; operators that only take away leave the document as it is. */
  creates: boolean
}

const arithmetic = (
  name: string,
  initial: (operand: unknown) => unknown,
  apply: (a: unknown, b: unknown) => unknown
): Operator => ({
  creates: true,
  compile(operand, path) {
    if (!isNumeric(operand)) {
      const verb = name === '$inc' ? 'increment' : 'multiply'
      throw new CommandError(14, `Cannot ${verb} with non-numeric argument: {${path}: ${print(operand)}}`)
    }
    return current => {
      if (current === undefined) return initial(operand)
      if (isNumeric(current)) return apply(current, operand)
      throw new CommandError(
        14,
        `Cannot apply ${name} to a value of non-numeric type. The field '${path}' is of non-numeric type ${bsonType(current)}`
      )
    }
  }
})

const extreme = (sign: number): Operator => ({
  creates: true,
  compile: operand => current =>
    current === undefined || compareValues(operand, current) * sign < 0 ? clone(operand) : current
})

function arrayAt(name: string, path: string, current: unknown): unknown[] {
  if (Array.isArray(current)) return current
  const what =
    name === '$push'
      ? `The field '${path}' must be an array but is of type ${bsonType(current)}`
      : `Cannot apply ${name} to a non-array value`
  throw badValue(what)
}

/** The items of `$each`, or the operand as the one item; further modifiers are checked against `allowed`. */
function eachOf(name: string, operand: unknown, allowed: string[]): { items: unknown[]; spec: Doc } {
  if (!isDoc(operand) || !('$each' in operand)) return { items: [operand], spec: {} }
  if (!Array.isArray(operand.$each)) {
    throw new CommandError(
      14,
      `The argument to $each in ${name} must be an array but it was of type ${bsonType(operand.$each)}`
    )
  }
  const unknown = Object.keys(operand).find(key => key !== '$each' && !allowed.includes(key))
  if (unknown) throw badValue(`Unrecognized clause in ${name}: ${unknown}`)
  return { items: operand.$each, spec: operand }
}

function wholeClause(spec: Doc, name: string): number | undefined {
  if (!(name in spec)) return undefined
  const whole = toWholeNumber(spec[name])
  if (whole === undefined)
    throw badValue(`The value for ${name} must be an integer value but was given type: ${bsonType(spec[name])}`)
  return whole
}

const push: Operator = {
  creates: true,
  compile(operand, path) {
    const { items, spec } = eachOf('$push', operand, ['$slice', '$sort', '$position'])
    const slice = wholeClause(spec, '$slice')
    const position = wholeClause(spec, '$position')
    const { $sort: order } = spec
    const direction = isDoc(order) ? undefined : wholeClause(spec, '$sort')
    if (direction !== undefined && Math.abs(direction) !== 1)
      throw badValue('The $sort element value must be either 1 or -1')
    return current => {
      const list = current === undefined ? [] : [...arrayAt('$push', path, current)]
      list.splice(position ?? list.length, 0, ...clone(items))
      const sorted = isDoc(order)
        ? sortBy(list, order, item => (isDoc(item) ? item : {}))
        : direction
          ? list.sort((a, b) => compareValues(a, b) * direction)
          : list
      if (slice === undefined) return sorted
      return slice >= 0 ? sorted.slice(0, slice) : sorted.slice(slice)
    }
  }
}

const addToSet: Operator = {
  creates: true,
  compile(operand, path) {
    const { items } = eachOf('$addToSet', operand, [])
    return current => {
      const list = current === undefined ? [] : [...arrayAt('$addToSet', path, current)]
      for (const item of items) {
        if (!list.some(member => compareValues(member, item) === 0)) list.push(clone(item))
      }
      return list
    }
  }
}

function pullTest(operand: unknown, now: Date): (item: unknown) => boolean {
  if (isDoc(operand) && !isOperatorDoc(operand)) {
    const matches = compileFilter(operand, now)
    return item => isDoc(item) && matches(item)
  }
  const matches = compileFilter({ item: operand }, now)
  return item => matches({ item })
}

const pull: Operator = {
  creates: false,
  compile(operand, path, now) {
    const test = pullTest(operand, now)
    return current => (current === undefined ? undefined : arrayAt('$pull', path, current).filter(item => !test(item)))
  }
}

const pullAll: Operator = {
  creates: false,
  compile(operand, path) {
    if (!Array.isArray(operand))
      throw badValue(`$pullAll requires an array argument but was given a ${bsonType(operand)}`)
    const isWanted = (item: unknown): boolean => !operand.some(value => compareValues(value, item) === 0)
    return current => (current === undefined ? undefined : arrayAt('$pullAll', path, current).filter(isWanted))
  }
}

const pop: Operator = {
  creates: false,
  compile(operand, path) {
    const end = toWholeNumber(operand)
    if (end !== 1 && end !== -1) throw new CommandError(9, `$pop expects 1 or -1, found: ${print(operand)}`)
    return current => {
      if (current === undefined) return undefined
      const list = arrayAt('$pop', path, current)
      return end === 1 ? list.slice(0, -1) : list.slice(1)
    }
  }
}

const currentDate: Operator = {
  creates: true,
  compile(operand, _path, now) {
    const type = isDoc(operand) ? operand.$type : operand === true || operand === false ? 'date' : undefined
    if (type === 'date') return () => new Date(now)
    if (type === 'timestamp') return () => new BSON.Timestamp({ t: Math.floor(now.getTime() / 1000), i: 1 })
    throw badValue("$currentDate needs true or { $type: 'date' | 'timestamp' }")
  }
}

const set: Operator = { creates: true, compile: operand => () => clone(operand) }

/** All but `$rename`, which has two paths. */
export const updateOperators: Readonly<Record<string, Operator>> = {
  $set: set,
  $setOnInsert: set,
  $unset: { creates: false, compile: () => () => undefined },
  $inc: arithmetic('$inc', operand => operand, addNumbers),
  $mul: arithmetic('$mul', operand => multiplyNumbers(operand, 0), multiplyNumbers),
  $min: extreme(1),
  $max: extreme(-1),
  $push: push,
  $addToSet: addToSet,
  $pull: pull,
  $pullAll: pullAll,
  $pop: pop,
  $currentDate: currentDate
}
