export interface CalendarEvent {
  id: string
  summary?: string
  description?: string
  location?: string
  status?: string
  /** A moment, or a whole day (`date`, and then the end is the day after). */
  start: { dateTime?: string; date?: string; timeZone?: string }
  end: { dateTime?: string; date?: string; timeZone?: string }
  attendees?: { email: string; responseStatus?: string }[]
}

export interface Calendar {
  id: string
  summary: string
  primary?: boolean
  timeZone?: string
  accessRole?: string
  events: CalendarEvent[]
}
