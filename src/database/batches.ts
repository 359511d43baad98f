import { type Collection, type Filter, MongoBulkWriteError, type OptionalUnlessRequiredId } from 'mongodb'

/*
 * The operations that requests ask for in one turn of the event loop, as one command: under load the driver's work for a
 * command is most of what reading or writing one record costs. Each begins after it was asked for, so that it sees every
 * write that was answered before.
 */

/** A command holds so many at most: far below what the server takes and sends at once. */
const maxBatch = 100

/** Finds a record by its id. Callers that ask for the same one in one turn share the object: it must not be changed. */
export function createBatchedFind<R extends { _id: unknown }>(
  collection: Collection<R>,
  filter: Filter<R> = {}
): (id: R['_id']) => Promise<R | null> {
  const toFilter = (_id: unknown) => ({ _id, ...filter }) as Filter<R>
  let found = new Map<string, Promise<R | null>>()
  const ask = createBatch<R['_id'], R | null>(async asked => {
    // Not emptied: V8 would keep what it held until it next collects the old generation.
    found = new Map()
    if (asked.length === 1) return asked.map(id => collection.findOne(toFilter(id)) as Promise<R | null>)
    const records = await collection.find(toFilter({ $in: asked })).toArray()
    const byId = new Map(records.map(record => [String(record._id), record as unknown as R]))
    return asked.map(id => byId.get(String(id)) ?? null)
  })

  return id => {
    const key = String(id)
    const promise = found.get(key) ?? ask(id)
    found.set(key, promise)
    return promise
  }
}

/** Inserts a record. @throws (rejects) what `insertOne` does, for each record alone */
export function createBatchedInsert<R extends { _id: unknown }>(
  collection: Collection<R>
): (record: R) => Promise<unknown> {
  const insertOne = (record: R) => collection.insertOne(record as OptionalUnlessRequiredId<R>)
  return createBatch<R, unknown>(async records => {
    if (records.length === 1) return records.map(insertOne)
    try {
      await collection.insertMany(records as OptionalUnlessRequiredId<R>[], { ordered: false })
      return records
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) throw error
      const refused = new Set([error.writeErrors].flat().map(({ index }) => index))
      // The driver uses this error for a broken connection too: then it names no single write.
      if (error.insertedCount + refused.size < records.length) throw error
      // Writes that were refused are tried again one by one, so that each gets its own error.
      return records.map((record, index) => (refused.has(index) ? insertOne(record) : undefined))
    }
  })
}

/** Calls `run` at the end of this turn with all that was asked in it; it gives an answer for each, in order. */
function createBatch<Asked, Answer>(
  run: (asked: Asked[]) => Promise<(Answer | Promise<Answer>)[]>
): (asked: Asked) => Promise<Answer> {
  interface Batch {
    asked: Asked[]
    answers: Promise<(Answer | Promise<Answer>)[]>
  }
  let open: Batch | undefined

  function begin(): Batch {
    const asked: Asked[] = []
    const answers = new Promise<(Answer | Promise<Answer>)[]>((resolve, reject) => {
      setImmediate(() => {
        if (open?.asked === asked) open = undefined
        run(asked).then(resolve, reject)
      })
    })
    return { asked, answers }
  }

  return async one => {
    if (!open || open.asked.length === maxBatch) open = begin()
    const { asked, answers } = open
    const index = asked.push(one) - 1
    return (await answers)[index] as Answer
  }
}
