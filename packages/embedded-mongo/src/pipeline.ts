import { CommandError, mistyped, unsupported } from './errors.ts'
import { compileFilter } from './filter.ts'
import { compileGroup } from './group.ts'
import { sortBy } from './order.ts'
import { compileProjection } from './projection.ts'
import { type Doc, isDoc } from './values.ts'

type Stage = (docs: Doc[]) => Doc[]

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
  if (name === '$group') return compileGroup(spec)
  throw unsupported(`stage ${name}`)
}

/** Reads by the filter of a leading `$match`, so that an index serves it, and runs the other stages on what it found. */
export function compilePipeline(pipeline: Doc[]): (read: (filter: Doc) => Doc[]) => Doc[] {
  const filter = isDoc(pipeline[0]?.$match) ? pipeline[0].$match : undefined
  const stages = pipeline.map(compileStage).slice(filter ? 1 : 0)
  return read => stages.reduce((docs, run) => run(docs), read(filter ?? {}))
}
