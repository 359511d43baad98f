import { BSON } from 'mongodb'
import { CommandError } from './errors.ts'
import { isOperatorDoc } from './filter.ts'
import { isReplacement, keepId, type Update } from './update.ts'
import { clone, type Doc, isDoc, setOwn } from './values.ts'

/** The fields an upsert takes from its query: those the query says are equal to something. */
function seedFrom(filter: Doc, seed: Doc): Doc {
  for (const key of Object.keys(filter)) {
    const operand = filter[key]
    if (key === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) seedFrom(clause, seed)
    } else if (!key.startsWith('$')) {
      if (isOperatorDoc(operand)) {
        if ('$eq' in operand) plant(seed, key, operand.$eq)
      } else if (!(operand instanceof BSON.BSONRegExp)) {
        plant(seed, key, operand)
      }
    }
  }
  return seed
}

function plant(seed: Doc, path: string, value: unknown): void {
  const parts = path.split('.')
  const last = parts.pop() as string
  let node = seed
  for (const part of parts) {
    if (!Object.hasOwn(node, part)) setOwn(node, part, {})
    const next = node[part]
    if (!isDoc(next)) throw new CommandError(54, `cannot infer query fields to set, path '${path}' is matched twice`)
    node = next
  }
  if (Object.hasOwn(node, last)) {
    throw new CommandError(54, `cannot infer query fields to set, path '${path}' is matched twice`)
  }
  setOwn(node, last, clone(value))
}

/** The document an upsert inserts when nothing matched. */
export function upsertDocument(filter: Doc, given: unknown, update: Update): Doc {
  const seed = seedFrom(filter, {})
  const base = isReplacement(given) ? ('_id' in seed ? { _id: seed._id } : {}) : seed
  const doc = update(base, true)
  if (Object.hasOwn(doc, '_id')) return keepId(base, doc)
  return { _id: Object.hasOwn(base, '_id') ? base._id : new BSON.ObjectId(), ...doc }
}
