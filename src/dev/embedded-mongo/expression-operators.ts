import { BSON } from 'mongodb'
import { addNumbers, multiplyNumbers, remainderOf, subtractNumbers } from './arithmetic.ts'
import { compareValues, isNumeric, toNumeric } from './compare.ts'
import { CommandError } from './errors.ts'
import { arrayOperators } from './expression-arrays.ts'
import { dateOperators } from './expression-dates.ts'
import { borrowedOperators } from './expression-mingo.ts'
import { type CompileOperator, compileArgs, compileNamed, type Evaluate, isNil, strict } from './operands.ts'
import { bsonType, type Doc, isDoc, isTruthy, setOwn, toDouble } from './values.ts'

const comparison = (name: string, test: (order: number) => unknown): CompileOperator =>
  strict(name, 2, 2, ([a, b]) => test(compareValues(a, b)))

function requireNumber(name: string, value: unknown): unknown {
  if (isNumeric(value)) return value
  throw new CommandError(14, `${name} only supports numeric types, not ${bsonType(value)}`)
}

function add(args: unknown[]): unknown {
  if (args.some(isNil)) return null
  const dates = args.filter(arg => arg instanceof Date)
  if (dates.length > 1) throw new CommandError(16612, 'only one date allowed in an $add expression')
  const numbers = args.filter(arg => !(arg instanceof Date)).map(arg => requireNumber('$add', arg))
  const sum = numbers.reduce(addNumbers, 0)
  return dates[0] ? new Date(dates[0].getTime() + Math.round(Number(toNumeric(sum)))) : sum
}

function subtract([a, b]: unknown[]): unknown {
  if (isNil(a) || isNil(b)) return null
  if (a instanceof Date) {
    if (b instanceof Date) return BSON.Long.fromNumber(a.getTime() - b.getTime())
    return new Date(a.getTime() - Math.round(Number(toNumeric(requireNumber('$subtract', b)))))
  }
  return subtractNumbers(requireNumber('$subtract', a), requireNumber('$subtract', b))
}

function divide([a, b]: unknown[]): unknown {
  if (isNil(a) || isNil(b)) return null
  const divisor = Number(toNumeric(requireNumber('$divide', b)))
  if (divisor === 0) throw new CommandError(2, "can't $divide by zero")
  return toDouble(Number(toNumeric(requireNumber('$divide', a))) / divisor)
}

const rounding = (name: string, round: (value: number) => number): CompileOperator =>
  strict(name, 1, 1, ([value]) => {
    if (isNil(value)) return null
    return bsonType(requireNumber(name, value)) === 'double' ? toDouble(round(Number(toNumeric(value)))) : value
  })

/** $min and $max of several arguments, or of one array; null and missing do not take part. */
const extreme = (name: string, sign: number): CompileOperator =>
  strict(name, 1, 1000, args => {
    const values = (args.length === 1 && Array.isArray(args[0]) ? args[0] : args).filter(value => !isNil(value))
    return values.reduce((best, value) => (compareValues(value, best) * sign < 0 ? value : best), values[0]) ?? null
  })

const compileCond: CompileOperator = (operand, compile) => {
  const named = isDoc(operand) ? compileNamed('$cond', operand, compile, ['if', 'then', 'else']) : undefined
  const args = named ? [named.if, named.then, named.else] : compileArgs('$cond', operand, compile, 3)
  const [test, yes, no] = args as [Evaluate, Evaluate, Evaluate]
  return scope => (isTruthy(test(scope)) ? yes(scope) : no(scope))
}

const compileSwitch: CompileOperator = (operand, compile) => {
  if (!isDoc(operand) || !Array.isArray(operand.branches)) {
    throw new CommandError(40060, '$switch requires an object with an array of branches')
  }
  const branches = operand.branches.map(branch => compileNamed('$switch', branch, compile, ['case', 'then']))
  const otherwise = 'default' in operand ? compile(operand.default) : undefined
  return scope => {
    const branch = branches.find(({ case: test }) => isTruthy(test?.(scope)))
    if (branch) return branch.then?.(scope)
    if (otherwise) return otherwise(scope)
    throw new CommandError(40066, '$switch could not find a matching branch for an input, and no default was specified')
  }
}

const compileLet: CompileOperator = (operand, compile) => {
  if (!isDoc(operand) || !isDoc(operand.vars))
    throw new CommandError(9, '$let only supports an object with vars and in')
  const vars = Object.entries(operand.vars).map(([name, value]) => [name, compile(value)] as const)
  const inner = compile(operand.in)
  return scope => {
    const bound: Doc = { ...scope.vars }
    for (const [name, evaluate] of vars) setOwn(bound, name, evaluate(scope))
    return inner({ ...scope, vars: bound })
  }
}

const own: Record<string, CompileOperator> = {
  $literal: operand => () => operand,
  $eq: comparison('$eq', order => order === 0),
  $ne: comparison('$ne', order => order !== 0),
  $lt: comparison('$lt', order => order < 0),
  $lte: comparison('$lte', order => order <= 0),
  $gt: comparison('$gt', order => order > 0),
  $gte: comparison('$gte', order => order >= 0),
  $cmp: comparison('$cmp', Math.sign),
  $and: (operand, compile) => {
    const args = compileArgs('$and', operand, compile, 0, 1000)
    return scope => args.every(arg => isTruthy(arg(scope)))
  },
  $or: (operand, compile) => {
    const args = compileArgs('$or', operand, compile, 0, 1000)
    return scope => args.some(arg => isTruthy(arg(scope)))
  },
  $not: strict('$not', 1, 1, ([value]) => !isTruthy(value)),
  $cond: compileCond,
  $switch: compileSwitch,
  $let: compileLet,
  $ifNull: (operand, compile) => {
    const args = compileArgs('$ifNull', operand, compile, 2, 1000)
    return scope => {
      for (const arg of args.slice(0, -1)) {
        const value = arg(scope)
        if (!isNil(value)) return value
      }
      return args.at(-1)?.(scope)
    }
  },
  $add: strict('$add', 0, 1000, add),
  $subtract: strict('$subtract', 2, 2, subtract),
  $multiply: strict('$multiply', 0, 1000, args =>
    args.some(isNil) ? null : args.map(arg => requireNumber('$multiply', arg)).reduce(multiplyNumbers, 1)
  ),
  $divide: strict('$divide', 2, 2, divide),
  $mod: strict('$mod', 2, 2, ([a, b]) => {
    if (isNil(a) || isNil(b)) return null
    if (Number(toNumeric(requireNumber('$mod', b))) === 0) throw new CommandError(16610, "can't $mod by zero")
    return remainderOf(requireNumber('$mod', a), b)
  }),
  $abs: strict('$abs', 1, 1, ([value]) => {
    if (isNil(value)) return null
    return toNumeric(requireNumber('$abs', value)) < 0 ? subtractNumbers(0, value) : value
  }),
  $ceil: rounding('$ceil', Math.ceil),
  $floor: rounding('$floor', Math.floor),
  $min: extreme('$min', 1),
  $max: extreme('$max', -1),
  $sum: strict('$sum', 1, 1000, args =>
    (args.length === 1 && Array.isArray(args[0]) ? args[0] : args).filter(isNumeric).reduce(addNumbers, 0)
  ),
  $type: strict('$type', 1, 1, ([value]) => bsonType(value)),
  $mergeObjects: strict('$mergeObjects', 0, 1000, args => {
    const merged: Doc = {}
    for (const arg of args.flat().filter(value => !isNil(value))) {
      if (!isDoc(arg))
        throw new CommandError(40400, `$mergeObjects requires object inputs, but input is ${bsonType(arg)}`)
      for (const key of Object.keys(arg)) setOwn(merged, key, arg[key])
    }
    return merged
  })
}

/** Everything an expression may call. Each compiles its operand and evaluates per document. */
export const operators: Readonly<Record<string, CompileOperator>> = {
  ...borrowedOperators,
  ...arrayOperators,
  ...dateOperators,
  ...own
}
