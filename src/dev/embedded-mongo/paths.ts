import { type Doc, isDoc, own } from './values.ts'

const digits = /^(0|[1-9]\d*)$/
export const isArrayIndex = (part: string): boolean => digits.test(part)

/**
 * The values a dotted path of a query reaches; undefined stands for a missing one. Arrays on the way are entered
 * (documents inside them, or an element by number), the array at the end is given as it is.
 */
export function leavesOf(doc: Doc, path: readonly string[]): unknown[] {
  if (path.length === 1) return [own(doc, path[0] as string)]
  const leaves: unknown[] = []
  collect(doc, path, 0, leaves)
  return leaves
}

function collect(value: unknown, path: readonly string[], depth: number, leaves: unknown[]): void {
  const key = path[depth]
  if (key === undefined) {
    leaves.push(value)
  } else if (Array.isArray(value)) {
    if (isArrayIndex(key) && Number(key) < value.length) collect(value[Number(key)], path, depth + 1, leaves)
    for (const item of value) if (isDoc(item)) collect(item, path, depth, leaves)
  } else if (isDoc(value) && Object.hasOwn(value, key)) {
    collect(value[key], path, depth + 1, leaves)
  } else {
    leaves.push(undefined)
  }
}

/** Field paths of aggregation expressions: arrays are mapped over, numbers are no indexes. */
export function valueAt(value: unknown, path: readonly string[], depth = 0): unknown {
  const key = path[depth]
  if (key === undefined) return value
  if (Array.isArray(value)) {
    const found: unknown[] = []
    for (const item of value) {
      const inner = valueAt(item, path, depth)
      if (inner !== undefined) found.push(inner)
    }
    return found
  }
  return isDoc(value) ? valueAt(own(value, key), path, depth + 1) : undefined
}
