import { toWholeNumber } from './arithmetic.ts'
import { compareValues } from './compare.ts'
import { badValue, unsupported } from './errors.ts'
import { leavesOf } from './paths.ts'
import { type Doc, isDoc } from './values.ts'

interface SortField {
  path: string[]
  direction: number
}

function parseSort(spec: Doc): SortField[] {
  return Object.keys(spec).map(key => {
    if (isDoc(spec[key])) throw unsupported(`sort by ${JSON.stringify(spec[key])}`)
    const direction = toWholeNumber(spec[key])
    if (direction !== 1 && direction !== -1)
      throw badValue('$sort key ordering must be 1 (for ascending) or -1 (for descending)')
    if (key.startsWith('$')) throw badValue(`FieldPath field names may not start with '$': ${key}`)
    return { path: key.split('.'), direction }
  })
}

/** An array sorts by its smallest element going up and by its largest going down; missing counts as null. */
function sortKey(doc: Doc, { path, direction }: SortField): unknown {
  let best: unknown
  let isFirst = true
  for (const leaf of leavesOf(doc, path)) {
    const values = Array.isArray(leaf) ? (leaf.length > 0 ? leaf : [undefined]) : [leaf ?? null]
    for (const value of values) {
      if (isFirst || compareValues(value, best) * direction < 0) best = value
      isFirst = false
    }
  }
  return isFirst ? null : best
}

/** Sorts; with a limit, keeps only so many of the best at any time, so that a short page of many stays cheap. */
export function sortBy<T>(
  items: Iterable<T>,
  spec: Doc,
  toDoc: (item: T) => Doc,
  limit = Number.POSITIVE_INFINITY
): T[] {
  const fields = parseSort(spec)
  type Keyed = { item: T; keys: unknown[] }
  const compare = (a: Keyed, b: Keyed): number => {
    for (let i = 0; i < fields.length; i++) {
      const order = compareValues(a.keys[i], b.keys[i]) * (fields[i] as SortField).direction
      if (order !== 0) return order
    }
    return 0
  }
  const best: Keyed[] = []
  const isBounded = limit <= 1000
  for (const item of items) {
    const keyed: Keyed = { item, keys: fields.map(field => sortKey(toDoc(item), field)) }
    if (!isBounded) {
      best.push(keyed)
      continue
    }
    const last = best.at(-1)
    if (best.length >= limit && last && compare(keyed, last) >= 0) continue
    let low = 0
    let high = best.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(keyed, best[middle] as Keyed) < 0) high = middle
      else low = middle + 1
    }
    best.splice(low, 0, keyed)
    if (best.length > limit) best.pop()
  }
  if (!isBounded) best.sort(compare)
  return best.map(({ item }) => item)
}
