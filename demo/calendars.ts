import type { Calendar } from '@guichet/fake-google'

const hourMs = 3_600_000

/** The first calendar of an account: a few days from now on. */
export function calendarOf(email: string, nowMs: number): Calendar {
  const at = (hoursFromNow: number) => ({ dateTime: new Date(nowMs + hoursFromNow * hourMs).toISOString() })
  const day = (daysFromNow: number) => ({
    date: new Date(nowMs + daysFromNow * 24 * hourMs).toISOString().slice(0, 10)
  })
  return {
    id: email,
    summary: email,
    primary: true,
    timeZone: 'Europe/Stockholm',
    events: [
      { id: 'demo1', summary: 'Autumn programme, second reading', location: 'Hall 2', start: at(3), end: at(4) },
      { id: 'demo2', summary: 'Water off in our street', start: day(1), end: day(2) },
      { id: 'demo3', summary: 'Printer: who talks to them?', start: at(50), end: at(50.5) }
    ]
  }
}
