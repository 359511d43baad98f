import type { EmbeddedMongoData } from '@guichet/embedded-mongo'
import { BSON } from 'mongodb'

/** Every document of a stand-in, byte by byte, to compare what was before with what is after. */
export function snapshot(data: EmbeddedMongoData): string[] {
  const documents: string[] = []
  for (const [database, collections] of data) {
    for (const [name, { entries }] of collections) {
      for (const { doc } of entries.values()) {
        documents.push(`${database}.${name} ${Buffer.from(BSON.serialize(doc)).toString('base64')}`)
      }
    }
  }
  return documents.sort()
}
