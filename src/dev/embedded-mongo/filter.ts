import { BSON } from 'mongodb'
import { toWholeNumber } from './arithmetic.ts'
import { canonicalKey, compareValues, isNumeric, rankOf, toNumeric } from './compare.ts'
import { badValue, unsupported } from './errors.ts'
import { compileExpression } from './expression.ts'
import { typeTest } from './filter-types.ts'
import { leavesOf } from './paths.ts'
import { bsonType, type Doc, isDoc, isTruthy } from './values.ts'

export type Predicate = (doc: Doc) => boolean
/** Sees every value a path reached; undefined among them stands for a missing one. */
type LeavesTest = (leaves: readonly unknown[]) => boolean
type LeafTest = (leaf: unknown) => boolean

export const isOperatorDoc = (value: unknown): value is Doc => {
  if (!isDoc(value)) return false
  const first = Object.keys(value)[0]
  return first?.startsWith('$') === true && first !== '$ref' && first !== '$id'
}

/** Compiles a filter; what MongoDB would refuse, or the stand-in lacks, throws here and not per document. */
export function compileFilter(filter: Doc, now: Date): Predicate {
  const predicates = Object.keys(filter).map(key => compileClause(key, filter[key], now))
  const [only] = predicates
  if (predicates.length === 1 && only) return only
  return doc => predicates.every(predicate => predicate(doc))
}

function compileClause(key: string, operand: unknown, now: Date): Predicate {
  switch (key) {
    case '$and':
    case '$or':
    case '$nor': {
      if (!Array.isArray(operand) || operand.length === 0) throw badValue(`${key} must be a nonempty array`)
      const clauses = operand.map(clause => {
        if (!isDoc(clause)) throw badValue(`${key} argument's entries must be objects`)
        return compileFilter(clause, now)
      })
      if (key === '$and') return doc => clauses.every(clause => clause(doc))
      return doc => clauses.some(clause => clause(doc)) === (key === '$or')
    }
    case '$expr': {
      const evaluate = compileExpression(operand)
      return doc => isTruthy(evaluate({ root: doc, now, vars: {} }))
    }
    case '$comment':
      return () => true
    case '$where':
    case '$text':
    case '$jsonSchema':
    case '$sampleRate':
      throw unsupported(key)
  }
  if (key.startsWith('$')) {
    throw badValue(
      `unknown top level operator: ${key}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`
    )
  }
  const path = key.split('.')
  if (!isOperatorDoc(operand)) {
    const test = operand instanceof BSON.BSONRegExp ? expand(regexTest(operand), true) : equalTo(operand, true)
    return doc => test(leavesOf(doc, path))
  }
  const tests = compileOperators(operand, now, true)
  return doc => {
    const leaves = leavesOf(doc, path)
    return tests.every(test => test(leaves))
  }
}

/** Most operators look into an array at the end of the path; not so inside $elemMatch, whose elements stand alone. */
const expand = (test: LeafTest, intoArrays: boolean): LeavesTest => {
  if (!intoArrays) return leaves => leaves.some(test)
  return leaves => leaves.some(leaf => test(leaf) || (Array.isArray(leaf) && leaf.some(test)))
}

function equalTo(operand: unknown, intoArrays: boolean): LeavesTest {
  if (operand === null || operand === undefined) return expand(leaf => leaf === undefined || leaf === null, intoArrays)
  if (typeof operand === 'string') return expand(leaf => leaf === operand, intoArrays)
  return expand(leaf => compareValues(leaf, operand) === 0, intoArrays)
}

function compileOperators(spec: Doc, now: Date, intoArrays: boolean): LeavesTest[] {
  const tests: LeavesTest[] = []
  for (const name of Object.keys(spec)) {
    if (name === '$options') {
      if (!('$regex' in spec)) throw badValue('$options needs a $regex')
      continue
    }
    tests.push(compileOperator(name, spec[name], spec, now, intoArrays))
  }
  return tests
}

function compileOperator(name: string, operand: unknown, spec: Doc, now: Date, intoArrays: boolean): LeavesTest {
  const not =
    (test: LeavesTest): LeavesTest =>
    leaves =>
      !test(leaves)
  switch (name) {
    case '$eq':
      return equalTo(operand, intoArrays)
    case '$ne':
      return not(equalTo(operand, intoArrays))
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return expand(ordered(name, operand), intoArrays)
    case '$in':
      return expand(oneOf(name, operand), intoArrays)
    case '$nin':
      return not(expand(oneOf(name, operand), intoArrays))
    case '$exists':
      return leaves => leaves.some(leaf => leaf !== undefined) === isTruthy(operand)
    case '$type':
      return expand(typeTest(operand), intoArrays)
    case '$regex':
      return expand(regexTest(operand, spec.$options), intoArrays)
    case '$mod':
      return expand(modTest(operand), intoArrays)
    case '$size': {
      const size = toWholeNumber(operand)
      if (size === undefined || size < 0) throw badValue('Failed to parse $size. Expected a non-negative whole number')
      return leaves => leaves.some(leaf => Array.isArray(leaf) && leaf.length === size)
    }
    case '$all': {
      if (!Array.isArray(operand)) throw badValue('$all needs an array')
      const tests = operand.map(item => {
        if (!isOperatorDoc(item)) return equalTo(item, intoArrays)
        if (Object.keys(item).join() !== '$elemMatch') throw badValue('no $ expressions in $all')
        return elemMatch(item.$elemMatch, now)
      })
      return leaves => tests.length > 0 && tests.every(test => test(leaves))
    }
    case '$elemMatch':
      return elemMatch(operand, now)
    case '$not': {
      if (operand instanceof BSON.BSONRegExp) return not(expand(regexTest(operand), intoArrays))
      if (!isOperatorDoc(operand)) throw badValue('$not needs a regex or a document')
      const tests = compileOperators(operand, now, intoArrays)
      return leaves => !tests.every(test => test(leaves))
    }
    case '$comment':
      return () => true
  }
  throw badValue(`unknown operator: ${name}`)
}

/** Range comparisons stay within the operand's type bracket: a number is never less than a date. */
function ordered(name: string, operand: unknown): LeafTest {
  if (operand instanceof BSON.BSONRegExp) throw badValue(`Can't have RegEx as arg to predicate over field ${name}`)
  const isInclusive = name === '$gte' || name === '$lte'
  if (operand === null || operand === undefined) {
    return leaf => isInclusive && (leaf === undefined || leaf === null)
  }
  const rank = rankOf(operand)
  const crossesTypes = rank === -1 || rank === 127
  const sign = name === '$gt' || name === '$gte' ? 1 : -1
  const isNaNOperand = rank === 10 && Number.isNaN(toNumeric(operand))
  return leaf => {
    if (leaf === undefined || (rankOf(leaf) !== rank && !crossesTypes)) return false
    if (rank === 10 && (isNaNOperand || Number.isNaN(toNumeric(leaf)))) {
      return isInclusive && isNaNOperand && Number.isNaN(toNumeric(leaf))
    }
    const order = compareValues(leaf, operand) * sign
    return order > 0 || (isInclusive && order === 0)
  }
}

function oneOf(name: string, operand: unknown): LeafTest {
  if (!Array.isArray(operand)) throw badValue(`${name} needs an array`)
  if (operand.some(isOperatorDoc)) throw badValue(`cannot nest $ under ${name}`)
  const patterns = operand.filter(item => item instanceof BSON.BSONRegExp).map(item => regexTest(item))
  const keys = new Set(operand.map(canonicalKey))
  const takesMissing = operand.includes(null)
  return leaf =>
    (leaf === undefined ? takesMissing : keys.has(canonicalKey(leaf))) || patterns.some(pattern => pattern(leaf))
}

function regexTest(operand: unknown, options?: unknown): LeafTest {
  const isRegExp = operand instanceof BSON.BSONRegExp
  if (!isRegExp && typeof operand !== 'string') throw badValue('$regex has to be a string')
  if (options !== undefined && typeof options !== 'string') throw badValue('$options has to be a string')
  const flags = options ?? (isRegExp ? operand.options : '')
  const unknown = [...flags].find(flag => !'imsu'.includes(flag))
  if (unknown) throw unsupported(`regular expression option '${unknown}'`)
  let pattern: RegExp
  try {
    pattern = new RegExp(isRegExp ? operand.pattern : operand, flags.includes('u') ? flags : `${flags}u`)
  } catch (cause) {
    throw badValue(`Regular expression is invalid: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  return leaf =>
    (typeof leaf === 'string' && pattern.test(leaf)) ||
    (isRegExp && leaf instanceof BSON.BSONRegExp && compareValues(leaf, operand) === 0)
}

function modTest(operand: unknown): LeafTest {
  const [divisor, remainder] = Array.isArray(operand) ? operand.map(toWholeNumber) : []
  if (!Array.isArray(operand) || operand.length !== 2 || !divisor || remainder === undefined) {
    throw badValue('malformed mod: needs an array of a nonzero divisor and a remainder')
  }
  return leaf => isNumeric(leaf) && Math.trunc(Number(toNumeric(leaf))) % divisor === remainder
}

function elemMatch(operand: unknown, now: Date): LeavesTest {
  if (!isDoc(operand)) throw badValue('$elemMatch needs an Object')
  const first = Object.keys(operand)[0]
  const onValues = isOperatorDoc(operand) && !['$and', '$or', '$nor', '$expr'].includes(first as string)
  const tests = onValues ? compileOperators(operand, now, false) : []
  const predicate = onValues ? undefined : compileFilter(operand, now)
  const test: LeafTest = item => (predicate ? isDoc(item) && predicate(item) : tests.every(inner => inner([item])))
  return leaves => leaves.some(leaf => bsonType(leaf) === 'array' && (leaf as unknown[]).some(test))
}
