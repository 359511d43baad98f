import * as projections from 'mingo/operators/projection'
import { Query } from 'mingo/query'
import { asked, CommandError, unsupported } from './errors.ts'
import { context } from './filter.ts'
import { clone, type Doc, isDoc, isTruthy } from './values.ts'

export type Project = (docs: Doc[]) => Doc[]

const { $slice, $elemMatch } = projections
context.addProjectionOps({ $slice, $elemMatch } as never)
const query = new Query({}, { context })

const isFlag = (value: unknown): boolean => typeof value === 'boolean' || typeof value === 'number'

/** Fields to keep or fields to leave out; `_id` stays unless it is told off. */
export function compileProjection(spec: Doc): Project {
  const { _id: id, ...fields } = spec
  for (const [path, value] of Object.entries(spec)) {
    const isKnown = isFlag(value) || (isDoc(value) && /^\$(slice|elemMatch)$/.test(Object.keys(value).join()))
    if (!isKnown || path.split('.').some(part => part === '' || part.startsWith('$'))) {
      throw unsupported(`projection other than of fields, $slice and $elemMatch: '${path}'`)
    }
  }
  const [first, ...others] = Object.values(fields).filter(isFlag).map(isTruthy)
  if (others.includes(!first)) {
    throw new CommandError(first ? 31254 : 31253, 'a projection cannot both keep fields and leave fields out')
  }
  const paths = Object.keys(fields).sort()
  const collision = paths.find((path, i) => path.startsWith(`${paths[i - 1]}.`))
  if (collision) throw new CommandError(31249, `Path collision at ${collision}`)
  // An exclusion keeps `_id` anyway, and mingo does not take both.
  const wanted: Doc = first === false && isTruthy(id) ? fields : spec
  if (Object.keys(wanted).length === 0) return docs => docs
  // mingo leaves inner fields out of the document itself.
  const isOnTop = Object.entries(spec).every(([path, value]) => isFlag(value) && !path.includes('.'))
  const ready = (docs: Doc[]): Doc[] => (isOnTop ? docs : docs.map(clone))
  return docs => asked(() => query.find<Doc>(ready(docs) as never, wanted as never).all())
}
