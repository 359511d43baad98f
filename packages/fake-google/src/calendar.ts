import type { Calendar, CalendarEvent } from './calendar-events.ts'
import { bearerOf } from './gmail/api.ts'
import { narrow } from './gmail/fields.ts'
import { first, type Query, toPage } from './gmail/paging.ts'
import { GmailError, toGmailErrorReply } from './gmail-errors.ts'
import { json, type RecordedRequest, type Reply } from './http.ts'
import { CALENDAR, CALENDAR_READONLY } from './scopes.ts'
import type { World } from './world.ts'

export const CALENDAR_PREFIX = '/calendar/v3/'

const LIST = ['maxResults', 'pageToken', 'showHidden', 'minAccessRole', 'fields', 'alt', 'prettyPrint']
const EVENTS = [...LIST, 'timeMin', 'timeMax', 'singleEvents', 'orderBy', 'timeZone', 'q', 'showDeleted']

/** calendarList.list and events.list of the Calendar API, v3. */
export function serveCalendar(world: World, request: RecordedRequest): Reply {
  try {
    const answer = run(world, request)
    return json(200, answer)
  } catch (error) {
    if (!(error instanceof GmailError)) throw error
    if (error.reason === 'invalidArgument' || error.reason === 'methodNotAllowed')
      world.violations.push(`calendar: ${error.message}`)
    return toGmailErrorReply(error)
  }
}

function run(world: World, request: RecordedRequest): unknown {
  const token = world.grants.openAccessToken(bearerOf(request))
  if (!token) throw new GmailError('authError')
  if (![CALENDAR, CALENDAR_READONLY].some(scope => token.scopes.includes(scope)))
    throw new GmailError('insufficientPermissions')
  if (request.method !== 'GET') throw new GmailError('methodNotAllowed')
  const { calendars } = world.users.require(token.sub)
  const path = request.path.slice(CALENDAR_PREFIX.length)
  const [, calendarId] = /^calendars\/([^/]+)\/events$/.exec(path) ?? []
  const query = readQuery(request.query, calendarId === undefined ? LIST : EVENTS)
  if (path !== 'users/me/calendarList' && calendarId === undefined) throw new GmailError('notFound')
  const answer =
    calendarId === undefined
      ? listCalendars(calendars, query)
      : listEvents(calendars, decodeURIComponent(calendarId), query)
  const fields = first(query, 'fields')
  return fields === undefined ? answer : narrow(answer, fields)
}

function listCalendars(calendars: readonly Calendar[], query: Query): unknown {
  const { items, nextPageToken } = toPage(calendars, query, 'calendarList')
  const shown = items.map(({ events: _events, ...calendar }) => {
    return { kind: 'calendar#calendarListEntry', accessRole: 'owner', timeZone: 'UTC', ...calendar }
  })
  return { kind: 'calendar#calendarList', items: shown, ...(nextPageToken ? { nextPageToken } : {}) }
}

function listEvents(calendars: readonly Calendar[], id: string, query: Query): unknown {
  const calendar = calendars.find(one => (id === 'primary' ? one.primary : one.id === id))
  if (!calendar) throw new GmailError('notFound')
  const [timeMin, timeMax] = ['timeMin', 'timeMax'].map(name => readTime(query, name))
  const isOrdered = first(query, 'orderBy') === 'startTime'
  if (isOrdered && first(query, 'singleEvents') !== 'true') {
    throw new GmailError('invalidArgument', 'The requested ordering is not available for the particular query.')
  }
  const found = calendar.events.filter(event => {
    // The lower bound is the end's, the upper one the start's, both exclusive.
    return (
      (timeMin === undefined || toMs(event.end) > timeMin) && (timeMax === undefined || toMs(event.start) < timeMax)
    )
  })
  if (isOrdered) found.sort((one, other) => toMs(one.start) - toMs(other.start))
  const { items, nextPageToken } = toPage(found, query, JSON.stringify(['events', id, timeMin, timeMax]))
  const shown = items.map(event => ({ kind: 'calendar#event', status: 'confirmed', ...event }))
  const { summary, timeZone = 'UTC' } = calendar
  return { kind: 'calendar#events', summary, timeZone, items: shown, ...(nextPageToken ? { nextPageToken } : {}) }
}

function readTime(query: Query, name: string): number | undefined {
  const value = first(query, name)
  if (value === undefined) return undefined
  // RFC 3339 with an offset is demanded.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value))
    throw new GmailError('invalidArgument', name)
  return Date.parse(value)
}

function toMs({ dateTime, date }: CalendarEvent['start']): number {
  return Date.parse(dateTime ?? `${date}T00:00:00Z`)
}

function readQuery(text: string, known: readonly string[]): Query {
  const query: Query = new Map()
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) throw new GmailError('invalidArgument', `Unknown name "${name}"`)
    if (query.has(name)) throw new GmailError('invalidArgument', `Repeated name "${name}"`)
    query.set(name, [value])
  }
  return query
}
