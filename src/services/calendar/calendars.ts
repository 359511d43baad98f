import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js'
import { calendarReadonly } from '../../catalogue.ts'
import type { ConnectionRecord } from '../../connections/record.ts'
import { GuichetError, hasCode } from '../../errors.ts'
import { createApiClient } from '../../google/api-client.ts'
import { requireResource } from '../../google/resource.ts'
import { lazily } from '../../lazily.ts'
import type { OpenAccess } from '../access.ts'
import { ProjectRefused, translate } from '../gmail/google-error.ts'

/** Google's own answers: https://developers.google.com/workspace/calendar/api/v3/reference */
export type CalendarList = calendar_v3.Schema$CalendarList
export type EventList = calendar_v3.Schema$Events

/** The calendars of one connection. */
export interface Calendars {
  list(query: { pageToken?: string | undefined }): Promise<CalendarList>
  /** In the order of their start; what repeats comes once for each time. Times are RFC 3339 with an offset. */
  events(calendarId: string, query: EventsQuery): Promise<EventList>
}

export interface EventsQuery {
  from?: string | undefined
  to?: string | undefined
  pageToken?: string | undefined
}

/** The options of each call, beside its own parameters. */
interface CallOptions {
  headers: { authorization: string }
  timeout: number
}

export type OpenCalendars = (connection: ConnectionRecord) => Calendars

const pageSize = 100
/** A page of events may hold long descriptions. */
const maxAnswerBytes = 8 * 1024 * 1024

/** Only Calendar is loaded of googleapis: the whole package costs over a second and 100 MB. */
const googleapis = lazily<typeof import('googleapis/build/src/apis/calendar/v3.js')>(
  'googleapis/build/src/apis/calendar/v3.js'
)

export function createOpenCalendars(options: {
  openAccess: OpenAccess
  /** Root of Google's APIs; default Google's own. */
  apiUrl: string | undefined
  timeoutMs: number
  nowMs: () => number
  /** Hears that Google refuses this server's project: for log and alert. */
  onProjectRefused: (refusal: ProjectRefused) => void
}): OpenCalendars {
  const { openAccess, apiUrl, timeoutMs, nowMs, onProjectRefused } = options
  let opened: calendar_v3.Calendar | undefined
  function openCalendar(): calendar_v3.Calendar {
    opened ??= new (googleapis().calendar_v3.Calendar)({
      ...(apiUrl && { rootUrl: apiUrl }),
      universeDomain: 'googleapis.com',
      retry: false,
      auth: createApiClient({ timeoutMs, maxBytes: maxAnswerBytes }) as never
    })
    return opened
  }

  return connection => {
    const access = openAccess(connection, { service: 'calendar', scope: calendarReadonly })
    const read = async <T>(send: (options: CallOptions) => Promise<{ data: T }>): Promise<T> =>
      access.call(await access.token(), async (token, leftMs) => {
        try {
          const { data } = await send({ headers: { authorization: `Bearer ${token}` }, timeout: leftMs })
          requireResource(data)
          return data
        } catch (error) {
          const refused = inOurWords(translate(error, nowMs(), 'calendar-json.googleapis.com'))
          if (refused.cause instanceof ProjectRefused) onProjectRefused(refused.cause)
          throw refused
        }
      })

    return {
      list: ({ pageToken }) =>
        read(options =>
          openCalendar().calendarList.list({ maxResults: pageSize, ...(pageToken && { pageToken }) }, options)
        ),
      events: (calendarId, { from, to, pageToken }) =>
        read(options =>
          openCalendar().events.list(
            {
              calendarId,
              singleEvents: true,
              orderBy: 'startTime',
              maxResults: pageSize,
              ...(from && { timeMin: from }),
              ...(to && { timeMax: to }),
              ...(pageToken && { pageToken })
            },
            options
          )
        )
    }
  }
}

/** The translation of errors speaks of Gmail where it has to name what refused. */
function inOurWords(error: Error): Error {
  if (!hasCode(error, 'invalid_request') && !hasCode(error, 'mailbox_unavailable')) return error
  return new GuichetError('invalid_request', {
    detail: 'Google Calendar refused the request as invalid.',
    cause: error
  })
}
