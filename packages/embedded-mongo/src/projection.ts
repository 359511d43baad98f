import { Query } from 'mingo/query'
import { CommandError, unsupported } from './errors.ts'
import { context } from './filter.ts'
import { clone, type Doc, isTruthy } from './values.ts'

type Project = (docs: Doc[]) => Doc[]

const query = new Query({}, { context })

/** Fields to keep or fields to leave out; `_id` stays unless it is excluded. */
export function compileProjection(spec: Doc): Project {
  const { _id: id, ...fields } = spec
  const other = Object.keys(spec).find(path => path.includes('$') || !['boolean', 'number'].includes(typeof spec[path]))
  if (other !== undefined) throw unsupported(`projection other than of fields: '${other}'`)
  const [first, ...others] = Object.values(fields).map(isTruthy)
  if (others.includes(!first)) {
    throw new CommandError(first ? 31254 : 31253, 'a projection cannot both keep fields and leave fields out')
  }
  const paths = Object.keys(fields).sort()
  const collision = paths.find((path, i) => path.startsWith(`${paths[i - 1]}.`))
  if (collision) throw new CommandError(31249, `Path collision at ${collision}`)
  // An exclusion keeps `_id` anyway, and mingo does not take both.
  const wanted = first === false && isTruthy(id) ? fields : spec
  if (Object.keys(wanted).length === 0) return docs => docs
  // mingo leaves inner fields out of the document itself.
  const isInner = first === false && paths.some(path => path.includes('.'))
  return docs => query.find<Doc>((isInner ? docs.map(clone) : docs) as never, wanted as never).all()
}
