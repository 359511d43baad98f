import { type Collection, type Db, type Document, type IndexDescription, MongoNetworkTimeoutError } from 'mongodb'

/** What a repository stores: each names its collection once, beside the queries that its indexes serve. */
export interface CollectionOf<R extends Document> {
  readonly name: string
  readonly indexes: readonly IndexDescription[]
  /** For the type alone. */
  readonly record?: R
}

/** Everything guichet stores. MongoDB is the only thing that replicas share. */
export interface Database {
  collection<R extends Document>(of: CollectionOf<R>): Collection<R>
  /**
   * Makes the indexes that are missing and verifies those that are there: it fails where one of that name or key differs.
   * Without the unique ones a race could store two users or two connections for one Google account.
   */
  ensureIndexes(): Promise<void>
}

/**
 * A database of the repositories that ask it for their collections. `withPatientDb` lends a connection without a time-out:
 * building an index over a large collection takes longer than any request may.
 */
export function createDatabase(db: Db, withPatientDb?: (work: (db: Db) => Promise<void>) => Promise<void>): Database {
  const collections = new Map<string, Collection<Document>>()
  const wanted = new Map<string, readonly IndexDescription[]>()

  async function createIndexes(on: Db): Promise<void> {
    await Promise.all([...wanted].map(([name, indexes]) => on.collection(name).createIndexes([...indexes])))
  }

  return {
    collection<R extends Document>({ name, indexes }: CollectionOf<R>) {
      if (indexes.length > 0) wanted.set(name, indexes)
      const known = collections.get(name) ?? db.collection<Document>(name)
      collections.set(name, known)
      return known as unknown as Collection<R>
    },

    async ensureIndexes() {
      try {
        await createIndexes(db)
      } catch (error) {
        if (!(error instanceof MongoNetworkTimeoutError) || !withPatientDb) throw error
        await withPatientDb(createIndexes)
      }
    }
  }
}
