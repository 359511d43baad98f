import type { ObjectId } from 'mongodb'
import type { Disconnect } from '../connections/disconnect.ts'
import type { ConnectionRepository } from '../connections/repository.ts'
import type { Flows } from './flows.ts'
import type { MongoSessionStore } from './session-store.ts'
import type { Users } from './users.ts'

/** Erases a user: every connection disconnected and its grant revoked, then all that is stored about the user. */
export function createErase(options: {
  users: Users
  sessions: MongoSessionStore
  flows: Flows
  repository: ConnectionRepository
  disconnect: Disconnect
  /** Takes the user's addresses out of the events that are kept. */
  forgetInEvents: (userId: ObjectId) => Promise<void>
}): (userId: ObjectId) => Promise<void> {
  const { users, sessions, flows, repository, disconnect, forgetInEvents } = options

  async function disconnectAll(userId: ObjectId): Promise<void> {
    for (const connection of await repository.listOf(userId)) await disconnect(connection)
  }

  return async userId => {
    // The user goes last, so that one who was cut off in the middle can ask again.
    await disconnectAll(userId)
    await users.erase(userId)
    // A callback that was under way stored before the user was gone, or finds no user and takes back what it stored.
    await disconnectAll(userId)
    await Promise.all([sessions.removeOfUser(userId), flows.removeOfUser(userId)])
    await forgetInEvents(userId)
  }
}
