import { z } from 'zod'
import type { CalendarList, EventList } from '../../services/calendar/calendars.ts'

export const CalendarView = z
  .object({
    id: z.string(),
    summary: z.string(),
    description: z.string().nullable(),
    timeZone: z.string().nullable(),
    primary: z.boolean(),
    accessRole: z.string().nullable()
  })
  .meta({ id: 'Calendar' })
export type CalendarView = z.infer<typeof CalendarView>

const When = z
  .object({ dateTime: z.string().nullable(), date: z.string().nullable(), timeZone: z.string().nullable() })
  .describe('A moment, or a whole day as `date`; the end is not part of the event.')

export const CalendarEventView = z
  .object({
    id: z.string(),
    status: z.string().nullable(),
    summary: z.string(),
    description: z.string().nullable().describe('May hold HTML from others: never show it unsanitized.'),
    location: z.string().nullable(),
    start: When,
    end: When,
    organizer: z.string().nullable(),
    attendees: z.array(z.object({ email: z.string(), responseStatus: z.string().nullable() })),
    recurringEventId: z.string().nullable(),
    updated: z.string().nullable()
  })
  .meta({ id: 'CalendarEvent' })
export type CalendarEventView = z.infer<typeof CalendarEventView>

export const CalendarPage = z.object({ items: z.array(CalendarView), nextPageToken: z.string().nullable() })
export const CalendarEventPage = z.object({ items: z.array(CalendarEventView), nextPageToken: z.string().nullable() })

export function toCalendarPage({ items, nextPageToken }: CalendarList) {
  return {
    items: (items ?? []).map(
      (calendar): CalendarView => ({
        id: calendar.id ?? '',
        summary: calendar.summaryOverride ?? calendar.summary ?? '',
        description: calendar.description ?? null,
        timeZone: calendar.timeZone ?? null,
        primary: calendar.primary ?? false,
        accessRole: calendar.accessRole ?? null
      })
    ),
    nextPageToken: nextPageToken ?? null
  }
}

export function toCalendarEventPage({ items, nextPageToken }: EventList) {
  return { items: (items ?? []).map(toCalendarEvent), nextPageToken: nextPageToken ?? null }
}

type Event = NonNullable<EventList['items']>[number]

function toCalendarEvent(event: Event): CalendarEventView {
  return {
    id: event.id ?? '',
    status: event.status ?? null,
    summary: event.summary ?? '',
    description: event.description ?? null,
    location: event.location ?? null,
    start: toWhen(event.start),
    end: toWhen(event.end),
    organizer: event.organizer?.email ?? null,
    attendees: (event.attendees ?? []).map(({ email, responseStatus }) => ({
      email: email ?? '',
      responseStatus: responseStatus ?? null
    })),
    recurringEventId: event.recurringEventId ?? null,
    updated: event.updated ?? null
  }
}

function toWhen({ dateTime, date, timeZone }: NonNullable<Event['start']> = {}) {
  return { dateTime: dateTime ?? null, date: date ?? null, timeZone: timeZone ?? null }
}
