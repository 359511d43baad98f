import { CommandError, unsupported } from './command.ts'
import { type Doc, isDoc, isNumeric, isTruthy, setOwn } from './values.ts'

export type Project = (doc: Doc) => Doc
type Tree = Map<string, Tree | true>

function addToTree(tree: Tree, path: string): void {
  const parts = path.split('.')
  const last = parts.pop() as string
  let node = tree
  for (const part of parts) {
    const inner = node.get(part) ?? new Map()
    if (inner === true) throw new CommandError(31249, `Path collision at ${path}`)
    node.set(part, inner)
    node = inner
  }
  if (node.has(last)) throw new CommandError(31249, `Path collision at ${path}`)
  node.set(last, true)
}

/** The fields that the tree names, or all but those; documents inside arrays alike. */
function cut(value: unknown, tree: Tree, isInclusion: boolean): unknown {
  if (Array.isArray(value)) {
    return value.map(item => cut(item, tree, isInclusion)).filter(item => item !== undefined)
  }
  if (!isDoc(value)) return isInclusion ? undefined : value
  const result: Doc = {}
  for (const key of Object.keys(value)) {
    const node = tree.get(key)
    const isWhole = (node === true) === isInclusion && !(node instanceof Map)
    const kept = isWhole ? value[key] : node instanceof Map ? cut(value[key], node, isInclusion) : undefined
    if (kept !== undefined) setOwn(result, key, kept)
  }
  return result
}

/** Fields to keep or fields to leave out; `_id` stays unless it is told off. */
export function compileProjection(spec: Doc): Project {
  const tree: Tree = new Map()
  const { _id: id, ...fields } = spec
  for (const [path, value] of Object.entries(spec)) {
    const isFlag = typeof value === 'boolean' || isNumeric(value)
    if (!isFlag || path.split('.').some(part => part === '' || part.startsWith('$'))) {
      throw unsupported(`projection other than of plain fields: '${path}'`)
    }
  }
  const keepsId = id === undefined || isTruthy(id)
  const [first = id !== undefined && keepsId, ...others] = Object.values(fields).map(isTruthy)
  if (others.includes(!first)) {
    throw new CommandError(first ? 31254 : 31253, 'a projection cannot both keep fields and leave fields out')
  }
  for (const path of Object.keys(fields)) addToTree(tree, path)
  if (keepsId === first) addToTree(tree, '_id')
  return tree.size === 0 ? doc => doc : doc => cut(doc, tree, first) as Doc
}
