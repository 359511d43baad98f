import { unsupported } from './errors.ts'
import { canonicalKey, compareValues } from './order.ts'
import { type Doc, isDoc, leavesOf } from './values.ts'

type Evaluate = (doc: Doc) => unknown
type Accumulator = (values: unknown[]) => unknown

const present = (values: unknown[]): unknown[] => values.filter(value => value !== undefined && value !== null)
const numbers = (values: unknown[]): number[] => values.filter(value => typeof value === 'number')
const sum = (values: unknown[]): number => numbers(values).reduce((total, value) => total + value, 0)
const unique = (values: unknown[]): unknown[] => [
  ...new Map(values.map(value => [canonicalKey(value), value])).values()
]

const accumulators: Readonly<Record<string, Accumulator>> = {
  $sum: sum,
  $avg: values => (numbers(values).length > 0 ? sum(values) / numbers(values).length : null),
  $min: values => present(values).sort(compareValues)[0] ?? null,
  $max: values => present(values).sort(compareValues).at(-1) ?? null,
  $first: values => values[0] ?? null,
  $last: values => values.at(-1) ?? null,
  $push: values => values.filter(value => value !== undefined),
  $addToSet: values => unique(values.filter(value => value !== undefined)),
  $count: values => values.length
}

/** A field's path, a constant, or a document of these. */
function compileExpression(expression: unknown): Evaluate {
  if (typeof expression === 'string' && expression.startsWith('$')) {
    if (expression.startsWith('$$')) throw unsupported(`variable ${expression}`)
    const path = expression.slice(1).split('.')
    return doc => leavesOf(doc, path)[0]
  }
  if (!isDoc(expression)) return () => expression
  const fields = Object.entries(expression).map(([key, value]) => {
    if (key.startsWith('$')) throw unsupported(`expression ${key}`)
    return [key, compileExpression(value)] as const
  })
  return doc =>
    Object.fromEntries(
      fields.map(([key, evaluate]) => [key, evaluate(doc)] as const).filter(([, value]) => value !== undefined)
    )
}

/** `$group`: a document for each value of `_id`, in the order in which the values came. */
export function compileGroup({ _id, ...fields }: Doc): (docs: Doc[]) => Doc[] {
  const keyOf = compileExpression(_id)
  const made = Object.entries(fields).map(([field, given]) => {
    const [name = '', ...others] = isDoc(given) ? Object.keys(given) : []
    const accumulate = Object.hasOwn(accumulators, name) ? accumulators[name] : undefined
    if (!accumulate || others.length > 0) throw unsupported(`$group of '${field}' by ${name}`)
    const evaluate = name === '$count' ? () => 1 : compileExpression((given as Doc)[name])
    return (docs: Doc[]) => [field, accumulate(docs.map(evaluate))] as const
  })
  return docs => {
    const groups = new Map<string, { _id: unknown; docs: Doc[] }>()
    for (const doc of docs) {
      const id = keyOf(doc) ?? null
      const key = canonicalKey(id)
      const group = groups.get(key)
      if (group) group.docs.push(doc)
      else groups.set(key, { _id: id, docs: [doc] })
    }
    return [...groups.values()].map(group => ({
      _id: group._id,
      ...Object.fromEntries(made.map(make => make(group.docs)))
    }))
  }
}
