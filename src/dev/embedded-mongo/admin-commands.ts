import { BSON } from 'mongodb'
import { idIndexSpec } from './collection.ts'
import type { Handler } from './commands.ts'
import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { readDoc, readString, requireOptions } from './options.ts'
import { isTruthy, maxDocumentBytes } from './values.ts'
import { maxMessageBytes } from './wire.ts'

const version = '7.0.0'

// A standalone: the driver then neither retries by transaction number nor looks for other members. Without a
// topologyVersion it polls instead of asking for a stream of answers.
const hello: Handler = ({ command, connectionId, now }) => ({
  ...('hello' in command ? { isWritablePrimary: true } : { ismaster: true, isWritablePrimary: true }),
  ...(isTruthy(command.helloOk) ? { helloOk: true } : {}),
  maxBsonObjectSize: maxDocumentBytes,
  maxMessageSizeBytes: maxMessageBytes,
  maxWriteBatchSize: 100_000,
  localTime: now,
  logicalSessionTimeoutMinutes: 30,
  connectionId,
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false
})

const buildInfo: Handler = () => ({
  version,
  versionArray: [7, 0, 0, 0],
  gitVersion: 'embedded in-memory stand-in',
  modules: [],
  bits: 64,
  debug: false,
  maxBsonObjectSize: maxDocumentBytes
})

const getParameter: Handler = ({ command }) => {
  if (!('featureCompatibilityVersion' in command)) throw new CommandError(72, 'no option found to get')
  return { featureCompatibilityVersion: { version: '7.0' } }
}

const create: Handler = ({ command, db, store }) => {
  requireOptions('create', command, ['create'])
  const name = readString(command, 'create')
  if (store.find(db, name)) throw new CommandError(48, `Collection ${db}.${name} already exists.`)
  store.open(db, name)
  return {}
}

const listCollections: Handler = ({ command, db, store, cursors, now }) => {
  requireOptions('listCollections', command, [
    'listCollections',
    'filter',
    'nameOnly',
    'authorizedCollections',
    'cursor'
  ])
  const matches = compileFilter(readDoc(command, 'filter', {}), now)
  const docs = [...(store.data.get(db) ?? [])].map(([name, { uuid }]) => ({
    name,
    type: 'collection',
    ...(isTruthy(command.nameOnly)
      ? {}
      : {
          options: {},
          info: { readOnly: false, uuid: new BSON.UUID(uuid) },
          idIndex: { v: 2, key: idIndexSpec.key, name: idIndexSpec.name }
        })
  }))
  return { cursor: cursors.open(`${db}.$cmd.listCollections`, docs.filter(matches), undefined, false) }
}

const listDatabases: Handler = ({ command, store, now }) => {
  requireOptions('listDatabases', command, ['listDatabases', 'filter', 'nameOnly', 'authorizedDatabases'])
  const matches = compileFilter(readDoc(command, 'filter', {}), now)
  const all = [...store.data.keys()].map(name =>
    isTruthy(command.nameOnly) ? { name } : { name, sizeOnDisk: 0, empty: false }
  )
  const databases = all.filter(matches)
  return isTruthy(command.nameOnly) ? { databases } : { databases, totalSize: 0, totalSizeMb: 0 }
}

const drop: Handler = ({ command, db, store }) => {
  requireOptions('drop', command, ['drop'])
  const name = readString(command, 'drop')
  const collection = store.find(db, name)
  const collections = store.data.get(db)
  collections?.delete(name)
  if (collections?.size === 0) store.data.delete(db)
  return collection ? { nIndexesWas: collection.indexes.size + 1, ns: collection.ns } : {}
}

const dropDatabase: Handler = ({ command, db, store }) => {
  requireOptions('dropDatabase', command, ['dropDatabase'])
  return store.data.delete(db) ? { dropped: db } : {}
}

const acknowledge: Handler = () => ({})

export const adminCommands: Readonly<Record<string, Handler>> = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: acknowledge,
  buildInfo,
  buildinfo: buildInfo,
  getParameter,
  create,
  listCollections,
  listDatabases,
  drop,
  dropDatabase,
  endSessions: acknowledge,
  killSessions: acknowledge
}
