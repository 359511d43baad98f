import { toWholeNumber } from './arithmetic.ts'
import { isNumeric } from './compare.ts'
import { badValue, CommandError, unsupported } from './errors.ts'
import { compileExpression } from './expression.ts'
import { compileFilter } from './filter.ts'
import type { Evaluate } from './operands.ts'
import { type Doc, isDoc, isTruthy, own, setOwn } from './values.ts'

export type Project = (doc: Doc) => Doc
/** Leaves are true (the field itself) or an expression that makes its value. */
export type Tree = Map<string, Tree | true | Evaluate>

export function addToTree(tree: Tree, path: string, leaf: true | Evaluate): void {
  const parts = path.split('.')
  if (parts.includes(''))
    throw new CommandError(40353, `FieldPath must not end with or contain an empty part: '${path}'`)
  const last = parts.pop() as string
  let node = tree
  for (const part of parts) {
    const inner = node.get(part) ?? new Map()
    if (!(inner instanceof Map)) throw new CommandError(31249, `Path collision at ${path}`)
    node.set(part, inner)
    node = inner
  }
  if (node.has(last)) throw new CommandError(31249, `Path collision at ${path}`)
  node.set(last, leaf)
}

/** The stage `$addFields` and the computed fields of `$project`: documents inside arrays each get the field. */
export function applyComputed(value: unknown, tree: Tree, evaluate: (leaf: Evaluate) => unknown): unknown {
  if (Array.isArray(value)) return value.map(item => applyComputed(item, tree, evaluate))
  const result: Doc = isDoc(value) ? { ...value } : {}
  for (const [key, node] of tree) {
    if (node === true) continue
    const computed = node instanceof Map ? applyComputed(own(result, key), node, evaluate) : evaluate(node)
    if (computed === undefined) delete result[key]
    else setOwn(result, key, computed)
  }
  return result
}

function pick(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map(item => pick(item, tree)).filter(item => item !== undefined)
  if (!isDoc(value)) return undefined
  const result: Doc = {}
  for (const key of Object.keys(value)) {
    const node = tree.get(key)
    const picked = node === true ? value[key] : node instanceof Map ? pick(value[key], node) : undefined
    if (picked !== undefined) setOwn(result, key, picked)
  }
  return result
}

function omit(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map(item => omit(item, tree))
  if (!isDoc(value)) return value
  const result: Doc = {}
  for (const key of Object.keys(value)) {
    const node = tree.get(key)
    if (node !== true) setOwn(result, key, node instanceof Map ? omit(value[key], node) : value[key])
  }
  return result
}

/** The fields of a specification whose nested documents only spell out dotted paths. */
export function flatten(spec: Doc, prefix = ''): [string, unknown][] {
  return Object.keys(spec).flatMap(key => {
    const value = spec[key]
    const isNested = isDoc(value) && Object.keys(value).length > 0 && !Object.keys(value)[0]?.startsWith('$')
    return isNested ? flatten(value, `${prefix}${key}.`) : [[prefix + key, value] as [string, unknown]]
  })
}

/** find's `$slice` and `$elemMatch`, which read the array they replace. */
function findOperator(path: string, spec: Doc, now: Date): Evaluate | undefined {
  const readArray = (root: unknown): unknown => (path.includes('.') ? undefined : own(root as Doc, path))
  if ('$elemMatch' in spec) {
    if (path.includes('.') || !isDoc(spec.$elemMatch)) throw unsupported('$elemMatch projection of a nested path')
    const matches = compileFilter({ item: { $elemMatch: spec.$elemMatch } }, now)
    return ({ root }) => {
      const items = readArray(root)
      const found = Array.isArray(items) ? items.find(item => matches({ item: [item] })) : undefined
      return found === undefined ? undefined : [found]
    }
  }
  if ('$slice' in spec) {
    if (path.includes('.')) throw unsupported('$slice projection of a nested path')
    const [a, b] = (Array.isArray(spec.$slice) ? spec.$slice : [spec.$slice]).map(toWholeNumber)
    if (a === undefined) throw badValue('$slice projection needs whole numbers')
    return ({ root }) => {
      const items = readArray(root)
      if (!Array.isArray(items)) return items
      if (b === undefined) return a >= 0 ? items.slice(0, a) : items.slice(a)
      const start = a >= 0 ? a : Math.max(0, items.length + a)
      return items.slice(start, start + b)
    }
  }
  return undefined
}

/** A projection of `find` or a `$project` stage. */
export function compileProjection(spec: Doc, now: Date, isStage = false): Project {
  if (Object.keys(spec).length === 0) return doc => doc
  const included: Tree = new Map()
  const excluded: Tree = new Map()
  const computed: Tree = new Map()
  let mode: 'inclusion' | 'exclusion' | undefined
  let keepsId = true
  for (const [path, value] of flatten(spec)) {
    if (path.endsWith('.$') || path.includes('.$.')) throw unsupported('positional projection')
    const isFlag = typeof value === 'boolean' || isNumeric(value)
    if (path === '_id' && isFlag) {
      keepsId = isTruthy(value)
      if (keepsId) addToTree(included, '_id', true)
      continue
    }
    if (!isFlag) {
      const inFind = isDoc(value) && !isStage ? findOperator(path, value, now) : undefined
      addToTree(computed, path, inFind ?? compileExpression(value))
      if (inFind && '$slice' in (value as Doc)) continue
      if (mode === 'exclusion')
        throw new CommandError(31253, `Cannot do inclusion on field ${path} in exclusion projection`)
      mode = 'inclusion'
      continue
    }
    const wanted = isTruthy(value) ? 'inclusion' : 'exclusion'
    if (mode && mode !== wanted) {
      throw new CommandError(
        wanted === 'inclusion' ? 31253 : 31254,
        `Cannot do ${wanted} on field ${path} in ${mode} projection`
      )
    }
    mode = wanted
    addToTree(wanted === 'inclusion' ? included : excluded, path, true)
  }
  mode ??= included.size > 0 ? 'inclusion' : 'exclusion'
  if (mode === 'inclusion' && keepsId && !included.has('_id')) included.set('_id', true)
  if (mode === 'exclusion' && !keepsId) excluded.set('_id', true)
  return doc => {
    const kept = (mode === 'inclusion' ? pick(doc, included) : omit(doc, excluded)) as Doc
    if (computed.size === 0) return kept
    return applyComputed(kept, computed, evaluate => evaluate({ root: doc, now, vars: {} })) as Doc
  }
}
