import { type Collection, createCollection } from './collection.ts'
import { CommandError } from './errors.ts'

/** Databases by name, collections by name: what a restart may take over from the server before it. */
export type EmbeddedMongoData = Map<string, Map<string, Collection>>

export interface Store {
  readonly data: EmbeddedMongoData
  find(db: string, name: string): Collection | undefined
  require(db: string, name: string): Collection
  /** Made on first write, as mongod does. */
  open(db: string, name: string): Collection
}

export function createStore(data: EmbeddedMongoData): Store {
  const find = (db: string, name: string): Collection | undefined => data.get(db)?.get(name)

  function requireCollection(db: string, name: string): Collection {
    const found = find(db, name)
    if (!found) throw new CommandError(26, `ns does not exist: ${db}.${name}`)
    return found
  }

  function open(db: string, name: string): Collection {
    const found = find(db, name)
    if (found) return found
    if (name === '' || name.includes('$') || name.includes('\0')) {
      throw new CommandError(73, `Invalid namespace specified '${db}.${name}'`)
    }
    const created = createCollection(`${db}.${name}`)
    const collections = data.get(db) ?? new Map<string, Collection>()
    data.set(db, collections.set(name, created))
    return created
  }

  return { data, find, require: requireCollection, open }
}
