import { MongoClient } from 'mongodb'
import { ConfigError } from '../config/config-error.ts'

/**
 * An operation gets 5 s in all: the driver repeats it once when its connection fails, which it may take for a server that
 * it first has to find again. One that takes 2 s is still answered.
 */
const requestTimeoutMS = 2_250
const serverSelectionTimeoutMS = 2_600

/**
 * A client that connects when it is first needed, and again whenever it has to. `socketTimeoutMS: 0` is for work that no
 * request waits for.
 * @throws ConfigError
 */
export function createMongoClient(uri: string, { socketTimeoutMS = requestTimeoutMS } = {}): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'guichet',
      serverSelectionTimeoutMS,
      connectTimeoutMS: serverSelectionTimeoutMS,
      waitQueueTimeoutMS: serverSelectionTimeoutMS,
      socketTimeoutMS,
      // Whatever the URI says: a secondary may not know yet of a token, a sibling or a disconnect.
      readPreference: 'primary',
      // An answer says "stored" only when a change of primary cannot take it back.
      writeConcern: { w: 'majority' }
    })
  } catch {
    // The driver's message may quote the string, password and all.
    throw new ConfigError([{ variable: 'MONGODB_URI', problem: 'is not a connection string that the driver accepts' }])
  }
}
