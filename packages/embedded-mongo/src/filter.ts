import { Context } from 'mingo/core'
import * as mingo from 'mingo/operators/query'
import { BSON } from 'mongodb'
import { asked, badValue, unsupported } from './errors.ts'
import { canonicalKey, typeOf } from './order.ts'
import { type Doc, isDoc, isOperatorDoc, isTruthy, leavesOf, toWholeNumber } from './values.ts'

export type Predicate = (doc: Doc) => boolean
type Mingo = (path: string, operand: unknown, options: never) => Predicate

const isOneOf = (leaf: unknown, keys: ReadonlySet<string>, patterns: readonly RegExp[]): boolean =>
  patterns.some(pattern => typeof leaf === 'string' && pattern.test(leaf)) ||
  keys.has(leaf === undefined ? 'z' : leaf instanceof BSON.BSONRegExp ? 'u' : canonicalKey(leaf))

/** For `$eq` as well: what is missing equals null, and an array its own value or any of its elements'. */
function equalsAny(path: string, wanted: unknown[]): Predicate {
  const parts = path.split('.')
  const patterns = wanted.filter(value => value instanceof RegExp)
  const keys = new Set(wanted.filter(value => !(value instanceof RegExp)).map(canonicalKey))
  const matches = (leaf: unknown): boolean => isOneOf(leaf, keys, patterns)
  return doc => leavesOf(doc, parts).some(leaf => matches(leaf) || (Array.isArray(leaf) && leaf.some(matches)))
}

const typeNames = new Set('null int double string object array binData objectId bool date number'.split(' '))

/** The driver writes a number as int32 where it fits, else as a double. */
function isOfType(value: unknown, wanted: readonly unknown[]): boolean {
  if (value instanceof BSON.BSONRegExp) return false
  const type = typeOf(value)
  if (wanted.includes(type)) return true
  return type === 'number' && wanted.includes((Number(value) | 0) === value ? 'int' : 'double')
}

const not =
  (predicate: Predicate): Predicate =>
  doc =>
    !predicate(doc)

function someLeaf(path: string, matches: (leaf: unknown) => boolean): Predicate {
  const parts = path.split('.')
  return doc => leavesOf(doc, parts).some(matches)
}

// Where values are compared for equality mingo knows neither BSON's order of fields nor a missing field inside an array:
// these are the stand-in's own. Ranges, patterns and what combines are mingo's.
const queries = {
  $and: mingo.$and,
  $or: mingo.$or,
  $nor: mingo.$nor,
  $not: mingo.$not,
  $gt: mingo.$gt,
  $gte: mingo.$gte,
  $lt: mingo.$lt,
  $lte: mingo.$lte,
  $regex: mingo.$regex,
  $elemMatch: mingo.$elemMatch,
  $all: mingo.$all,
  $eq: (path: string, value: unknown) => equalsAny(path, [value]),
  $ne: (path: string, value: unknown) => not(equalsAny(path, [value])),
  $in: (path: string, values: unknown[]) => equalsAny(path, values),
  $nin: (path: string, values: unknown[]) => not(equalsAny(path, values)),
  $exists: (path: string, wanted: unknown) => {
    const exists = someLeaf(path, leaf => leaf !== undefined)
    return isTruthy(wanted) ? exists : not(exists)
  },
  $size: (path: string, size: unknown) => someLeaf(path, leaf => Array.isArray(leaf) && leaf.length === size),
  $type: (path: string, names: unknown[]) =>
    someLeaf(path, leaf => [leaf, ...(Array.isArray(leaf) ? leaf : [])].some(value => isOfType(value, names)))
}

export const context = Context.init({ query: queries as never })

function toPattern(source: unknown, options: unknown): RegExp {
  if (source instanceof BSON.BSONRegExp) return toPattern(source.pattern, options ?? source.options)
  if (typeof source !== 'string') throw badValue('$regex has to be a string')
  if (typeof (options ?? '') !== 'string') throw badValue('$options has to be a string')
  const flags = String(options ?? '')
  if (/[^imsu]/.test(flags)) throw unsupported(`regular expression options '${flags}'`)
  try {
    return new RegExp(source, flags.includes('u') ? flags : `${flags}u`)
  } catch (cause) {
    throw badValue(`Regular expression is invalid: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function toOperand(name: string, operand: unknown, { $options }: Doc): unknown {
  switch (name) {
    case '$in':
    case '$nin':
      if (!Array.isArray(operand)) throw badValue(`${name} needs an array`)
      if (operand.some(isOperatorDoc)) throw badValue(`cannot nest $ under ${name}`)
      return operand.map(value => (value instanceof BSON.BSONRegExp ? toPattern(value, undefined) : value))
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      if (operand === null || Number.isNaN(operand)) throw unsupported('ranges from null or NaN')
      typeOf(operand)
      return operand
    case '$regex':
      return toPattern(operand, $options)
    case '$not':
      if (operand instanceof BSON.BSONRegExp) return toPattern(operand, undefined)
      if (!isOperatorDoc(operand)) throw badValue('$not needs a regex or a document')
      return toOperators(operand)
    case '$elemMatch':
      if (!isDoc(operand)) throw badValue('$elemMatch needs an Object')
      return isOperatorDoc(operand) ? toOperators(operand) : translate(operand)
    case '$size':
      if ((toWholeNumber(operand) ?? -1) < 0) throw badValue('$size needs a whole number that is not negative')
      return operand
    case '$type': {
      const names = [operand].flat()
      for (const wanted of names) if (!typeNames.has(String(wanted))) throw unsupported(`$type ${String(wanted)}`)
      return names
    }
    default:
      return operand
  }
}

function toOperators(operand: Doc): Doc {
  if ('$options' in operand && !('$regex' in operand)) throw badValue('$options needs a $regex')
  const names = Object.keys(operand).filter(name => name !== '$options')
  for (const name of names) if (!Object.hasOwn(queries, name)) throw unsupported(`query operator ${name}`)
  return Object.fromEntries(names.map(name => [name, toOperand(name, operand[name], operand)]))
}

/** A filter as mingo takes it; throws where MongoDB would, and for what the stand-in lacks. */
export function translate(filter: Doc): Doc {
  const translated: Doc = {}
  for (const [key, operand] of Object.entries(filter)) {
    if (key === '$and' || key === '$or' || key === '$nor') {
      if (!Array.isArray(operand) || operand.length === 0 || !operand.every(isDoc)) {
        throw badValue(`${key} must be a nonempty array of objects`)
      }
      translated[key] = operand.map(translate)
    } else if (key.startsWith('$')) {
      throw unsupported(`query operator ${key}`)
    } else if (operand instanceof BSON.BSONRegExp) {
      translated[key] = { $regex: toPattern(operand, undefined) }
    } else {
      translated[key] = isOperatorDoc(operand) ? toOperators(operand) : { $eq: operand }
    }
  }
  return translated
}

// What mingo's options hold, made once: its own constructor copies every operator for every clause.
const options = { context, scriptEnabled: false, local: {} } as never

const compileOperators = (path: string, operand: Doc): Predicate[] =>
  Object.entries(operand).map(
    ([name, value]) => (queries as Record<string, Mingo>)[name]?.(path, value, options) as Predicate
  )

function compile(translated: Doc): Predicate {
  const predicates = Object.entries(translated).flatMap(([key, operand]): Predicate[] => {
    if (!Array.isArray(operand)) return compileOperators(key, operand as Doc)
    const clauses = operand.map(compile)
    if (key === '$and') return clauses
    const some: Predicate = doc => clauses.some(clause => clause(doc))
    return [key === '$or' ? some : not(some)]
  })
  const [only, ...others] = predicates
  if (only && others.length === 0) return only
  return doc => predicates.every(predicate => predicate(doc))
}

/** Compiles a filter; what the stand-in lacks throws here and not per document. */
export const compileFilter = (filter: Doc): Predicate => asked(() => compile(translate(filter)))
