import type { ObjectId } from 'mongodb'
import type { Disconnect } from '../connections/disconnect.ts'
import type { ConnectionRepository } from '../connections/repository.ts'
import { inTurn } from '../database/in-turn.ts'
import type { EventList } from '../events/event-list.ts'
import type { Flows } from '../flows/flows.ts'
import type { MongoSessionStore } from './sessions.ts'
import type { Tickets } from './tickets.ts'
import type { Users } from './users.ts'

export interface Erasing {
  /** Erases a user: every connection disconnected and its grant revoked, then all that is stored about the user. */
  erase(userId: ObjectId): Promise<void>
  /** Deletes what remains of an erased user, also what was written while the user was being erased. */
  finish(userId: ObjectId): Promise<void>
  /** Finishes erasures that were interrupted after the user's identity was deleted. */
  finishInterrupted(signal: AbortSignal): Promise<void>
}

const atOnce = 50

export function createErasing(options: {
  users: Users
  sessions: MongoSessionStore
  flows: Flows
  tickets: Tickets
  repository: ConnectionRepository
  disconnect: Disconnect
  events: EventList
}): Erasing {
  const { users, sessions, flows, tickets, repository, disconnect, events } = options

  async function disconnectAll(userId: ObjectId): Promise<void> {
    const connections = await repository.listOf(userId)
    // Each account's grant is revoked with its last connection; accounts do not wait for each other.
    const revokeAll = [...new Set(connections.map(({ account }) => account.sub))].map(async sub => {
      for (const connection of connections.filter(({ account }) => account.sub === sub)) await disconnect(connection)
    })
    await Promise.all(revokeAll)
  }

  async function finish(userId: ObjectId): Promise<void> {
    // A callback either stored before the user was gone, or finds no user and removes what it stored.
    await disconnectAll(userId)
    await flows.removeOfUser(userId, await sessions.idsOfUser(userId))
    await sessions.removeOfUser(userId)
    // The last events are listed first, so that they lose their addresses too.
    await repository.relayEvents(events, { userId })
    await users.relayEvents(events, { userId })
    const isListed = !(await repository.hasEvents(userId))
    await events.forgetUser(userId)
    // A process that died may have stored a connection since, and cannot take it back: the next round does.
    const isAlone = (await repository.listOf(userId)).length === 0
    if (isListed && isAlone) await users.forget(userId)
  }

  return {
    finish,

    async erase(userId) {
      // The user goes last, so that one who was cut off before can ask again.
      await disconnectAll(userId)
      // While it is still known whose tickets they are: a later press would create the user again.
      const user = await users.find(userId)
      if (user?.externalId !== undefined) await tickets.voidFor(user.externalId)
      await users.erase(userId)
      await finish(userId)
    },

    async finishInterrupted(signal) {
      // An erasure that cannot be finished does not stop the others.
      await inTurn(await users.takeErased(atOnce), ({ _id }) => finish(_id), signal)
    }
  }
}
