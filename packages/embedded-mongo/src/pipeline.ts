import { Aggregator } from 'mingo/aggregator'
import { Context } from 'mingo/core'
import * as accumulators from 'mingo/operators/accumulator'
import { $group, $unwind } from 'mingo/operators/pipeline'
import { asked, CommandError, mistyped, unsupported } from './errors.ts'
import { compileFilter } from './filter.ts'
import { sortBy } from './order.ts'
import { compileProjection } from './projection.ts'
import { type Doc, isDoc } from './values.ts'

type Stage = (docs: Doc[]) => Doc[]

const { $sum, $avg, $min, $max, $first, $last, $push, $addToSet, $count } = accumulators
const grouping = { $sum, $avg, $min, $max, $first, $last, $push, $addToSet, $count }
const context = Context.init({ pipeline: { $group, $unwind } as never, accumulator: grouping as never })

const viaMingo = (stage: Doc): Stage => {
  const aggregator = asked(() => new Aggregator([stage], { context }))
  return docs => asked(() => aggregator.run<Doc>(docs))
}

/** A field's path, a constant, or a document of these: a computed key or operand is refused. */
function requirePlain(expression: unknown, what: string): void {
  if (!isDoc(expression)) return
  for (const [key, value] of Object.entries(expression)) {
    if (key.startsWith('$')) throw unsupported(`${key} in ${what}`)
    requirePlain(value, what)
  }
}

function group(spec: Doc): Stage {
  for (const [field, given] of Object.entries(spec)) {
    if (field === '_id') requirePlain(given, '$group')
    else if (!isDoc(given) || !Object.hasOwn(grouping, Object.keys(given).join()))
      throw unsupported(`$group of '${field}'`)
    else if (!('$count' in given)) requirePlain(Object.values(given)[0], '$group')
  }
  return viaMingo({ $group: spec })
}

function requireCount(stage: string, value: unknown, least: number): number {
  if (!Number.isInteger(value)) throw mistyped(stage, 'long')
  if (Number(value) < least) throw new CommandError(15958, `the ${stage} must be at least ${least}`)
  return Number(value)
}

function compileStage(stage: Doc): Stage {
  const [name = '', ...others] = Object.keys(stage)
  if (others.length > 0) throw new CommandError(40323, 'A pipeline stage must contain exactly one field')
  const spec = stage[name]
  if (name === '$limit') {
    const limit = requireCount(name, spec, 1)
    return docs => docs.slice(0, limit)
  }
  if (name === '$skip') {
    const skip = requireCount(name, spec, 0)
    return docs => docs.slice(skip)
  }
  if (name === '$count') return docs => (docs.length > 0 ? [{ [String(spec)]: docs.length }] : [])
  if (name === '$unwind') return viaMingo(stage)
  if (!isDoc(spec)) throw mistyped(name, 'object')
  if (name === '$match') {
    const matches = compileFilter(spec)
    return docs => docs.filter(matches)
  }
  if (name === '$sort')
    return docs =>
      sortBy(
        docs.map(doc => ({ doc })),
        spec
      ).map(({ doc }) => doc)
  if (name === '$project') return compileProjection(spec)
  if (name === '$group') return group(spec)
  throw unsupported(`stage ${name}`)
}

/** Reads by the filter of a leading `$match`, so that an index serves it, and runs the other stages on what it found. */
export function compilePipeline(pipeline: Doc[]): (read: (filter: Doc) => Doc[]) => Doc[] {
  const filter = isDoc(pipeline[0]?.$match) ? pipeline[0].$match : undefined
  const stages = pipeline.map(compileStage).slice(filter ? 1 : 0)
  return read => stages.reduce((docs, run) => run(docs), read(filter ?? {}))
}
