import { BSON } from 'mongodb'
import { badValue, unsupported } from './command.ts'
import { canonicalKey, compareValues, rankOf } from './compare.ts'
import { bsonType, type Doc, isDoc, isNumeric, isTruthy, leavesOf, toNumeric, toWholeNumber } from './values.ts'

export type Predicate = (doc: Doc) => boolean
type LeafTest = (leaf: unknown) => boolean
/** Sees every value a path reached; undefined among them stands for a missing one. */
type LeavesTest = (leaves: readonly unknown[]) => boolean

export const isOperatorDoc = (value: unknown): value is Doc =>
  isDoc(value) && Object.keys(value)[0]?.startsWith('$') === true

/** Compiles a filter; what the stand-in lacks throws here and not per document. */
export function compileFilter(filter: Doc): Predicate {
  const predicates = Object.keys(filter).map(key => compileClause(key, filter[key]))
  return doc => predicates.every(predicate => predicate(doc))
}

function compileClause(key: string, operand: unknown): Predicate {
  if (key === '$and' || key === '$or') {
    if (!Array.isArray(operand) || operand.length === 0 || !operand.every(isDoc)) {
      throw badValue(`${key} must be a nonempty array of objects`)
    }
    const clauses = operand.map(compileFilter)
    return key === '$and' ? doc => clauses.every(clause => clause(doc)) : doc => clauses.some(clause => clause(doc))
  }
  if (key.startsWith('$')) throw unsupported(`query operator ${key}`)
  const path = key.split('.')
  const tests = compileTests(operand)
  return doc => {
    const leaves = leavesOf(doc, path)
    return tests.every(test => test(leaves))
  }
}

function compileTests(operand: unknown): LeavesTest[] {
  if (operand instanceof BSON.BSONRegExp) return [someValue(matching(operand.pattern, operand.options))]
  if (!isOperatorDoc(operand)) return [someValue(equalTo(operand))]
  if ('$options' in operand && !('$regex' in operand)) throw badValue('$options needs a $regex')
  const names = Object.keys(operand).filter(name => name !== '$options')
  return names.map(name => compileOperator(name, operand[name], operand))
}

/** Most operators look into an array at the end of the path as well. */
const someValue =
  (test: LeafTest): LeavesTest =>
  leaves =>
    leaves.some(leaf => test(leaf) || (Array.isArray(leaf) && leaf.some(test)))

const none =
  (test: LeavesTest): LeavesTest =>
  leaves =>
    !test(leaves)

function compileOperator(name: string, operand: unknown, siblings: Doc): LeavesTest {
  switch (name) {
    case '$eq':
      return someValue(equalTo(operand))
    case '$ne':
      return none(someValue(equalTo(operand)))
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return someValue(ordered(name, operand))
    case '$in':
      return someValue(oneOf(name, operand))
    case '$nin':
      return none(someValue(oneOf(name, operand)))
    case '$exists':
      return leaves => leaves.some(leaf => leaf !== undefined) === isTruthy(operand)
    case '$type':
      return someValue(ofType(operand))
    case '$regex':
      if (!(operand instanceof BSON.BSONRegExp)) return someValue(matching(operand, siblings.$options))
      return someValue(matching(operand.pattern, siblings.$options ?? operand.options))
    case '$size': {
      const size = toWholeNumber(operand)
      if (size === undefined || size < 0) throw badValue('$size needs a whole number that is not negative')
      return leaves => leaves.some(leaf => Array.isArray(leaf) && leaf.length === size)
    }
  }
  throw unsupported(`query operator ${name}`)
}

function equalTo(operand: unknown): LeafTest {
  if (operand === null || operand === undefined) return leaf => leaf === undefined || leaf === null
  if (typeof operand === 'string') return leaf => leaf === operand
  rankOf(operand)
  return leaf => compareValues(leaf, operand) === 0
}

/** Range comparisons stay within the operand's type bracket: a number is never less than a date. */
function ordered(name: string, operand: unknown): LeafTest {
  const isInclusive = name === '$gte' || name === '$lte'
  if (operand === null || operand === undefined) return leaf => isInclusive && (leaf === undefined || leaf === null)
  const rank = rankOf(operand)
  const sign = name === '$gt' || name === '$gte' ? 1 : -1
  const isNotANumber = (value: unknown): boolean => isNumeric(value) && Number.isNaN(toNumeric(value))
  if (isNotANumber(operand)) throw unsupported('ranges from NaN')
  return leaf => {
    if (leaf === undefined || rankOf(leaf) !== rank || isNotANumber(leaf)) return false
    const order = compareValues(leaf, operand) * sign
    return order > 0 || (isInclusive && order === 0)
  }
}

function oneOf(name: string, operand: unknown): LeafTest {
  if (!Array.isArray(operand)) throw badValue(`${name} needs an array`)
  if (operand.some(isOperatorDoc)) throw badValue(`cannot nest $ under ${name}`)
  const keys = new Set(operand.map(canonicalKey))
  const takesMissing = operand.includes(null)
  return leaf => (leaf === undefined ? takesMissing : keys.has(canonicalKey(leaf)))
}

function matching(source: unknown, options: unknown = ''): LeafTest {
  if (typeof source !== 'string') throw badValue('$regex has to be a string')
  if (typeof options !== 'string') throw badValue('$options has to be a string')
  if (/[^imsu]/.test(options)) throw unsupported(`regular expression options '${options}'`)
  let pattern: RegExp
  try {
    pattern = new RegExp(source, options.includes('u') ? options : `${options}u`)
  } catch (cause) {
    throw badValue(`Regular expression is invalid: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  return leaf => typeof leaf === 'string' && pattern.test(leaf)
}

const typeNames = new Set('null int long double string object array binData objectId bool date number'.split(' '))

function ofType(operand: unknown): LeafTest {
  const wanted = Array.isArray(operand) ? operand : [operand]
  for (const name of wanted) if (!typeNames.has(name)) throw unsupported(`$type ${String(name)}`)
  return leaf => wanted.includes(bsonType(leaf)) || (wanted.includes('number') && isNumeric(leaf))
}
