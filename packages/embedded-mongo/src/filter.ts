import { Context } from 'mingo/core'
import * as mingo from 'mingo/operators/query'
import { Query } from 'mingo/query'
import { asked, badValue, unsupported } from './errors.ts'
import { canonicalKey, typeOf } from './order.ts'
import { type Doc, isDoc, isOperatorDoc, isTruthy, leavesOf } from './values.ts'

export type Predicate = (doc: Doc) => boolean
type Operator = (path: string, operand: unknown, options: never) => Predicate

const isPattern = (value: unknown): value is RegExp => value instanceof RegExp

const not =
  (predicate: Predicate): Predicate =>
  doc =>
    !predicate(doc)

function someLeaf(path: string, matches: (leaf: unknown) => boolean): Predicate {
  const parts = path.split('.')
  return doc => leavesOf(doc, parts).some(matches)
}

/** A missing field equals null; an array equals its own value or any of its elements'. */
function equalsAny(path: string, wanted: unknown[], patterns: RegExp[] = []): Predicate {
  const keys = new Set(wanted.map(canonicalKey))
  const matches = (value: unknown): boolean =>
    keys.has(canonicalKey(value ?? null)) || patterns.some(it => typeof value === 'string' && it.test(value))
  return someLeaf(path, leaf => matches(leaf) || (Array.isArray(leaf) && leaf.some(matches)))
}

function isIn(path: string, values: unknown): Predicate {
  if (!Array.isArray(values)) throw badValue('$in and $nin need an array')
  if (values.some(isOperatorDoc)) throw badValue('cannot nest $ under $in or $nin')
  const plain = values.filter(value => !isPattern(value))
  return equalsAny(path, plain, values.filter(isPattern))
}

const range =
  (operator: Operator): Operator =>
  (path, operand, options) => {
    if (operand === null || Number.isNaN(operand)) throw unsupported('ranges from null or NaN')
    if (['object', 'array'].includes(typeOf(operand))) throw unsupported('ranges from documents or arrays')
    return operator(path, operand, options)
  }

function clausesOf(name: string, clauses: unknown): Predicate[] {
  if (!Array.isArray(clauses) || clauses.length === 0 || !clauses.every(isDoc)) {
    throw badValue(`${name} must be a nonempty array of objects`)
  }
  return clauses.map(compileFilter)
}

// mingo compares documents without regard to the order of their fields: the comparisons for equality are the
// stand-in's own.
const queries: Readonly<Record<string, Operator>> = {
  $eq: (path, value) => equalsAny(path, [value]),
  $ne: (path, value) => not(equalsAny(path, [value])),
  $in: isIn,
  $nin: (path, values) => not(isIn(path, values)),
  $gt: range(mingo.$gt),
  $gte: range(mingo.$gte),
  $lt: range(mingo.$lt),
  $lte: range(mingo.$lte),
  $regex: (path, pattern, options) => {
    if ((pattern as RegExp).global) throw badValue('$regex has no option g')
    return mingo.$regex(path, pattern as never, options)
  },
  $not: (path, operand, options) => {
    if (!isPattern(operand) && !isOperatorDoc(operand)) throw badValue('$not needs a pattern or operators')
    return mingo.$not(path, operand as never, options)
  },
  $exists: (path, wanted) => {
    const exists = someLeaf(path, leaf => leaf !== undefined)
    return isTruthy(wanted) ? exists : not(exists)
  },
  $size: (path, size) => {
    if (!Number.isInteger(size) || Number(size) < 0) throw badValue('$size needs a whole number that is not negative')
    return someLeaf(path, leaf => Array.isArray(leaf) && leaf.length === size)
  },
  $and: (_path, given) => {
    const clauses = clausesOf('$and', given)
    return doc => clauses.every(clause => clause(doc))
  },
  $or: (_path, given) => {
    const clauses = clausesOf('$or', given)
    return doc => clauses.some(clause => clause(doc))
  }
}

export const context = Context.init({ query: queries as never })
const options = { context, scriptEnabled: false }

/** Compiles a filter; what the stand-in lacks throws here and not per document. */
export function compileFilter(filter: Doc): Predicate {
  const query = asked(() => new Query(filter, options))
  return doc => query.test(doc)
}
