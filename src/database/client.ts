import { closeSync, openSync } from 'node:fs'
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
    const client = new MongoClient(uri, {
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
    // The driver reads these only when it connects: it would never be ready.
    const { tlsCAFile, tlsCertificateKeyFile, tlsCRLFile } = client.options
    for (const file of [tlsCAFile, tlsCertificateKeyFile, tlsCRLFile]) if (file) closeSync(openSync(file, 'r'))
    return client
  } catch {
    // The driver's message may quote the string, password and all.
    const problem = 'is not a connection string that the driver accepts, or names a file that cannot be read'
    throw new ConfigError([{ variable: 'MONGODB_URI', problem }])
  }
}
