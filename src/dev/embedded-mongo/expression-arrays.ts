import { toWholeNumber } from './arithmetic.ts'
import { compareValues } from './compare.ts'
import { CommandError } from './errors.ts'
import { type CompileOperator, compileArgs, compileNamed, type Evaluate, isNil, strict } from './operands.ts'
import { bsonType, type Doc, isDoc, isTruthy, setOwn } from './values.ts'

function requireArray(name: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw new CommandError(28689, `${name} needs an array, but found ${bsonType(value)}`)
}

function requireWhole(name: string, value: unknown): number {
  const whole = toWholeNumber(value)
  if (whole === undefined) throw new CommandError(28691, `${name} needs a whole number, but found ${bsonType(value)}`)
  return whole
}

function slice(args: unknown[]): unknown {
  if (args.some(isNil)) return null
  const items = requireArray('$slice', args[0])
  const first = requireWhole('$slice', args[1])
  if (args.length === 2) return first >= 0 ? items.slice(0, first) : items.slice(first)
  const count = requireWhole('$slice', args[2])
  if (count <= 0) throw new CommandError(28729, 'Third argument to $slice must be positive')
  const start = first >= 0 ? first : Math.max(0, items.length + first)
  return items.slice(start, start + count)
}

function elementAt(value: unknown, index: unknown): unknown {
  if (isNil(value) || isNil(index)) return null
  return requireArray('$arrayElemAt', value).at(requireWhole('$arrayElemAt', index))
}

/** $filter and $map: `in` per element, bound to `as` (default this). */
function overElements(
  name: string,
  inner: 'cond' | 'in',
  optional: string[],
  apply: (items: unknown[], evaluate: (item: unknown) => unknown, limit: unknown) => unknown[]
): CompileOperator {
  return (operand, compile) => {
    const spec = isDoc(operand) ? { ...operand } : operand
    const as = isDoc(spec) && typeof spec.as === 'string' ? spec.as : 'this'
    if (isDoc(spec)) delete spec.as
    const named = compileNamed(name, spec, compile, ['input', inner], optional)
    const body = named[inner] as Evaluate
    return scope => {
      const input = named.input?.(scope)
      if (isNil(input)) return null
      const evaluate = (item: unknown) => body({ ...scope, vars: { ...scope.vars, [as]: item } })
      return apply(requireArray(name, input), evaluate, named.limit?.(scope))
    }
  }
}

const reduce: CompileOperator = (operand, compile) => {
  const named = compileNamed('$reduce', operand, compile, ['input', 'initialValue', 'in'])
  return scope => {
    const input = named.input?.(scope)
    if (isNil(input)) return null
    return requireArray('$reduce', input).reduce(
      (value, item) => named.in?.({ ...scope, vars: { ...scope.vars, value, this: item } }),
      named.initialValue?.(scope)
    )
  }
}

function fromPairs(value: unknown): unknown {
  if (isNil(value)) return null
  const result: Doc = {}
  for (const item of requireArray('$arrayToObject', value)) {
    const [key, inner] = Array.isArray(item) ? item : isDoc(item) ? [item.k, item.v] : []
    if (typeof key !== 'string') throw new CommandError(40394, '$arrayToObject requires pairs whose keys are strings')
    setOwn(result, key, inner)
  }
  return result
}

export const arrayOperators: Readonly<Record<string, CompileOperator>> = {
  $filter: overElements('$filter', 'cond', ['limit'], (items, evaluate, limit) => {
    const kept = items.filter(item => isTruthy(evaluate(item)))
    return isNil(limit) ? kept : kept.slice(0, requireWhole('$filter', limit))
  }),
  $map: overElements('$map', 'in', [], (items, evaluate) => items.map(item => evaluate(item) ?? null)),
  $reduce: reduce,
  $concatArrays: strict('$concatArrays', 0, 1000, args =>
    args.some(isNil) ? null : args.flatMap(arg => requireArray('$concatArrays', arg))
  ),
  $slice: strict('$slice', 2, 3, slice),
  $size: strict('$size', 1, 1, ([value]) => requireArray('$size', value).length),
  $isArray: strict('$isArray', 1, 1, ([value]) => Array.isArray(value)),
  $in: (operand, compile) => {
    const [needle, haystack] = compileArgs('$in', operand, compile, 2) as [Evaluate, Evaluate]
    return scope => {
      const value = needle(scope)
      return requireArray('$in', haystack(scope)).some(item => compareValues(item, value) === 0)
    }
  },
  $arrayElemAt: strict('$arrayElemAt', 2, 2, ([value, index]) => elementAt(value, index)),
  $first: strict('$first', 1, 1, ([value]) => elementAt(value, 0)),
  $last: strict('$last', 1, 1, ([value]) => elementAt(value, -1)),
  $reverseArray: strict('$reverseArray', 1, 1, ([value]) =>
    isNil(value) ? null : requireArray('$reverseArray', value).toReversed()
  ),
  $objectToArray: strict('$objectToArray', 1, 1, ([value]) => {
    if (isNil(value)) return null
    if (!isDoc(value)) throw new CommandError(40390, `$objectToArray requires a document, found ${bsonType(value)}`)
    return Object.keys(value).map(k => ({ k, v: value[k] }))
  }),
  $arrayToObject: strict('$arrayToObject', 1, 1, ([value]) => fromPairs(value))
}
