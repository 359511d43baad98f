import type { z } from 'zod'
import type { ConnectionView, DisconnectedView } from '../../../src/http/views/connection.ts'
import type { EventView } from '../../../src/http/views/event.ts'
import type { StartedView } from '../../../src/http/views/flow.ts'
import type { UserView } from '../../../src/http/views/user.ts'

/** Who is signed in. */
export type User = z.infer<typeof UserView>
/** A user's Google account, connected for one service. */
export type Connection = z.infer<typeof ConnectionView>
/** What became of the grant at Google. */
export type Disconnected = z.infer<typeof DisconnectedView>
/** Something that happened to a connection. */
export type Event = z.infer<typeof EventView>
/** A link to send the browser to. */
export type Started = z.infer<typeof StartedView>
