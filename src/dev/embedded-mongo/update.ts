import { compareValues } from './compare.ts'
import { print } from './duplicate-key.ts'
import { badValue, CommandError, unsupported } from './errors.ts'
import { isArrayIndex } from './paths.ts'
import { compileDocStages } from './stages.ts'
import { type Change, updateOperators } from './update-operators.ts'
import { clone, type Doc, isDoc, own, setOwn } from './values.ts'

/** Makes the new document from the stored one, which stays as it is. */
export type Update = (doc: Doc, isInsert: boolean) => Doc

interface Step {
  path: string
  creates: boolean
  onInsertOnly: boolean
  change: Change
  renameTo?: string
}

export const isReplacement = (update: unknown): boolean =>
  !Array.isArray(update) && isDoc(update) && !Object.keys(update)[0]?.startsWith('$')

export function compileUpdate(update: unknown, now: Date): Update {
  if (Array.isArray(update)) return compileDocStages(update, now)
  if (!isDoc(update)) throw new CommandError(9, 'Update argument must be either an object or an array')
  if (isReplacement(update)) {
    const dollar = Object.keys(update).find(key => key.startsWith('$'))
    if (dollar)
      throw new CommandError(
        52,
        `The dollar ($) prefixed field '${dollar}' is not allowed in the context of an update's replacement document`
      )
    return () => clone(update)
  }
  const steps = compileSteps(update, now)
  return (doc, isInsert) => {
    const next = clone(doc)
    for (const step of steps) if (isInsert || !step.onInsertOnly) applyStep(next, step)
    return next
  }
}

/** `_id` never changes; one that the new document lacks is the old one. */
export function keepId(before: Doc, after: Doc): Doc {
  if (own(before, '_id') === undefined) return after
  if (!Object.hasOwn(after, '_id')) return { _id: before._id, ...after }
  if (compareValues(before._id, after._id) === 0) return after
  throw new CommandError(66, `Performing an update on the path '_id' would modify the immutable field '_id'`)
}

function compileSteps(update: Doc, now: Date): Step[] {
  const steps: Step[] = []
  for (const name of Object.keys(update)) {
    const operator = Object.hasOwn(updateOperators, name) ? updateOperators[name] : undefined
    if (name === '$bit') throw unsupported(name)
    if (!operator && name !== '$rename') {
      throw new CommandError(
        9,
        `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`
      )
    }
    const fields = update[name]
    if (!isDoc(fields))
      throw new CommandError(
        9,
        `Modifiers operate on fields but we found another type instead. For example: {$mod: {<field>: ...}} not {${name}: ${print(fields)}}`
      )
    for (const path of Object.keys(fields)) {
      if (path === '_id' && name === '$unset')
        throw new CommandError(66, `Performing an update on the path '_id' would modify the immutable field '_id'`)
      steps.push(
        operator
          ? {
              path,
              creates: operator.creates,
              onInsertOnly: name === '$setOnInsert',
              change: operator.compile(fields[path], path, now)
            }
          : renameStep(path, fields[path])
      )
    }
  }
  requireDisjoint(steps.flatMap(({ path, renameTo }) => (renameTo === undefined ? [path] : [path, renameTo])))
  // The server applies fields in the order of their names, whatever order they were given in.
  return steps.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function renameStep(path: string, renameTo: unknown): Step {
  if (typeof renameTo !== 'string') throw badValue(`The 'to' field for $rename must be a string: ${path}`)
  return { path, renameTo, creates: false, onInsertOnly: false, change: () => undefined }
}

function requireDisjoint(paths: string[]): void {
  paths.forEach((path, i) => {
    for (const part of path.split('.')) {
      if (part === '')
        throw new CommandError(56, `The update path '${path}' contains an empty field name, which is not allowed.`)
      if (part.startsWith('$')) throw unsupported(`positional or $-prefixed update path '${path}'`)
    }
    const other = paths
      .slice(0, i)
      .find(seen => seen === path || seen.startsWith(`${path}.`) || path.startsWith(`${seen}.`))
    if (other !== undefined)
      throw new CommandError(
        40,
        `Updating the path '${path}' would create a conflict at '${path.length < other.length ? path : other}'`
      )
  })
}

function applyStep(doc: Doc, step: Step): void {
  if (step.renameTo === undefined) {
    changeAt(doc, step.path, step.creates, step.change)
    return
  }
  let moved: unknown
  changeAt(doc, step.path, false, current => {
    moved = current
    return undefined
  })
  if (moved !== undefined) changeAt(doc, step.renameTo, true, () => moved)
}

function changeAt(doc: Doc, path: string, creates: boolean, change: Change): void {
  const parts = path.split('.')
  const last = parts.pop() as string
  let node: Doc | unknown[] = doc
  for (const [depth, part] of parts.entries()) {
    if (!canHold(node, part, creates, path)) return
    let next = read(node, part)
    if (next === undefined) {
      if (!creates) return
      next = {}
      write(node, part, next)
    }
    if (!isDoc(next) && !Array.isArray(next)) {
      if (!creates) return
      throw new CommandError(
        28,
        `Cannot create field '${parts[depth + 1] ?? last}' in element {${part}: ${print(next)}}`
      )
    }
    node = next
  }
  if (!canHold(node, last, creates, path)) return
  const current = read(node, last)
  const value = change(current)
  if (value !== undefined) write(node, last, value)
  else if (current !== undefined) {
    if (Array.isArray(node)) node[Number(last)] = null
    else delete node[last]
  }
}

function canHold(node: Doc | unknown[], part: string, creates: boolean, path: string): boolean {
  if (!Array.isArray(node) || isArrayIndex(part)) return true
  if (creates) throw new CommandError(28, `Cannot create field '${part}' in an array (path '${path}')`)
  return false
}

const read = (node: Doc | unknown[], part: string): unknown =>
  Array.isArray(node) ? node[Number(part)] : own(node, part)

function write(node: Doc | unknown[], part: string, value: unknown): void {
  if (!Array.isArray(node)) {
    setOwn(node, part, value)
    return
  }
  const index = Number(part)
  if (index > node.length + 1_500_000) throw badValue(`can't backfill array to larger than 1500000 elements`)
  while (node.length < index) node.push(null)
  node[index] = value
}
