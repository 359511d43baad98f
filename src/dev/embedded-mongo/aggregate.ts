import { addNumbers, toWholeNumber } from './arithmetic.ts'
import { canonicalKey, compareValues, isNumeric, toNumeric } from './compare.ts'
import { badValue, CommandError } from './errors.ts'
import { compileExpression } from './expression.ts'
import { compileFilter } from './filter.ts'
import { valueAt } from './paths.ts'
import { sortBy } from './sort.ts'
import { compileDocStage, stageOf } from './stages.ts'
import { type Doc, isDoc, isTruthy, own, setOwn, toDouble } from './values.ts'

type Stage = (docs: Doc[]) => Doc[]
type Accumulate = (values: unknown[]) => unknown

const present = (values: unknown[]): unknown[] => values.filter(value => value !== undefined && value !== null)
const extreme =
  (sign: number): Accumulate =>
  values =>
    present(values).reduce(
      (best, value) => (best === null || compareValues(value, best) * sign < 0 ? value : best),
      null
    )

const accumulators: Readonly<Record<string, Accumulate>> = {
  $sum: values => values.filter(isNumeric).reduce(addNumbers, 0),
  $avg: values => {
    const numbers = values.filter(isNumeric).map(value => Number(toNumeric(value)))
    return numbers.length > 0 ? toDouble(numbers.reduce((sum, value) => sum + value, 0) / numbers.length) : null
  },
  $min: extreme(1),
  $max: extreme(-1),
  $first: values => values[0] ?? null,
  $last: values => values.at(-1) ?? null,
  $push: values => values.filter(value => value !== undefined),
  $addToSet: values => [
    ...new Map(values.filter(value => value !== undefined).map(value => [canonicalKey(value), value])).values()
  ],
  $count: values => values.length
}

function compileGroup(spec: unknown, now: Date): Stage {
  if (!isDoc(spec) || !('_id' in spec)) throw new CommandError(15955, 'a group specification must include an _id')
  const idOf = compileExpression(spec._id)
  const fields = Object.keys(spec)
    .filter(key => key !== '_id')
    .map(key => {
      const [name, operand] = stageOf(spec[key])
      const accumulate = Object.hasOwn(accumulators, name) ? accumulators[name] : undefined
      if (!accumulate)
        throw new CommandError(15952, `unknown group operator '${name}' (of those the embedded stand-in knows)`)
      return { key, evaluate: compileExpression(operand), accumulate }
    })
  return docs => {
    const groups = new Map<string, { id: unknown; docs: Doc[] }>()
    for (const doc of docs) {
      const id = idOf({ root: doc, now, vars: {} }) ?? null
      const key = canonicalKey(id)
      const group = groups.get(key)
      if (group) group.docs.push(doc)
      else groups.set(key, { id, docs: [doc] })
    }
    return [...groups.values()].map(({ id, docs: members }) => {
      const result: Doc = { _id: id }
      for (const { key, evaluate, accumulate } of fields) {
        setOwn(result, key, accumulate(members.map(doc => evaluate({ root: doc, now, vars: {} }))))
      }
      return result
    })
  }
}

function compileUnwind(spec: unknown): Stage {
  const { path, preserveNullAndEmptyArrays, includeArrayIndex, ...rest } = isDoc(spec) ? spec : { path: spec }
  if (typeof path !== 'string' || !path.startsWith('$'))
    throw new CommandError(28818, "path option to $unwind stage should be prefixed with a '$'")
  if (Object.keys(rest).length > 0)
    throw new CommandError(28811, `unrecognized option to $unwind stage: ${Object.keys(rest)[0]}`)
  const name = path.slice(1)
  const put = (doc: Doc, value: unknown, index: number | null): Doc => {
    const stage = compileDocStage('$addFields', { [name]: { $literal: value } }, new Date(0))
    const next = stage ? stage(doc) : doc
    return typeof includeArrayIndex === 'string' ? { ...next, [includeArrayIndex]: index } : next
  }
  return docs =>
    docs.flatMap(doc => {
      const value = valueAt(doc, name.split('.'))
      if (Array.isArray(value) && value.length > 0) return value.map((item, i) => put(doc, item, i))
      if (value !== undefined && value !== null && !Array.isArray(value)) return [put(doc, value, null)]
      return isTruthy(preserveNullAndEmptyArrays) ? [doc] : []
    })
}

function requireCount(name: string, value: unknown, least: number): number {
  const whole = toWholeNumber(value)
  if (whole === undefined || whole < least)
    throw new CommandError(15957, `invalid argument to ${name} stage: ${String(value)}`)
  return whole
}

function compileStage(stage: unknown, now: Date, following: unknown): Stage {
  const [name, spec] = stageOf(stage)
  const perDoc = compileDocStage(name, spec, now)
  if (perDoc) return docs => docs.map(perDoc)
  switch (name) {
    case '$match': {
      if (!isDoc(spec)) throw new CommandError(15959, 'the match filter must be an expression in an object')
      const predicate = compileFilter(spec, now)
      return docs => docs.filter(predicate)
    }
    case '$sort': {
      if (!isDoc(spec)) throw new CommandError(15973, 'the $sort key specification must be an object')
      const limit = isDoc(following) ? toWholeNumber(own(following, '$limit')) : undefined
      return docs => sortBy(docs, spec, doc => doc, limit)
    }
    case '$limit': {
      const limit = requireCount(name, spec, 1)
      return docs => docs.slice(0, limit)
    }
    case '$skip': {
      const skip = requireCount(name, spec, 0)
      return docs => docs.slice(skip)
    }
    case '$count':
      if (typeof spec !== 'string' || spec === '') throw badValue('the count field must be a non-empty string')
      return docs => (docs.length > 0 ? [{ [spec]: docs.length }] : [])
    case '$group':
      return compileGroup(spec, now)
    case '$sortByCount': {
      const group = compileGroup({ _id: spec, count: { $sum: 1 } }, now)
      return docs => sortBy(group(docs), { count: -1 }, doc => doc)
    }
    case '$unwind':
      return compileUnwind(spec)
  }
  throw new CommandError(40324, `Unrecognized pipeline stage name (of those the embedded stand-in knows): '${name}'`)
}

/** A pipeline after its leading `$match`, which the caller answers from the collection's indexes. */
export function compilePipeline(pipeline: unknown[], now: Date): Stage {
  const stages = pipeline.map((stage, i) => compileStage(stage, now, pipeline[i + 1]))
  return docs => stages.reduce((current, stage) => stage(current), docs)
}
