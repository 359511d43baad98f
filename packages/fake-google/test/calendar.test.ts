import t from 'tap'
import { connect, start, toJsonAnswer } from './story.ts'

t.test('calendar › lists calendars and events between two moments', async t => {
  const google = await start(t)
  const at = (hour: number) => ({ dateTime: `2026-11-27T${String(hour).padStart(2, '0')}:00:00Z` })
  google.user('ada@example.com').calendars.push({
    id: 'ada@example.com',
    summary: 'Ada',
    primary: true,
    events: [
      { id: 'e2', summary: 'Late', start: at(15), end: at(16) },
      { id: 'e1', summary: 'Early', start: at(9), end: at(10) },
      { id: 'e3', summary: 'A day', start: { date: '2026-11-28' }, end: { date: '2026-11-29' } }
    ]
  })
  const scope = 'openid email https://www.googleapis.com/auth/calendar.readonly'
  const redirect_uri = 'http://localhost:3000/connect/calendar/callback'
  const { access_token } = await connect(google, {}, { scope, redirect_uri })
  const call = async (path: string, token = access_token) =>
    toJsonAnswer(await fetch(`${google.issuer}/calendar/v3/${path}`, { headers: { authorization: `Bearer ${token}` } }))
  t.match((await call('users/me/calendarList')).body, {
    items: [{ id: 'ada@example.com', primary: true, events: undefined }]
  })
  const events = async (query: string, id = 'primary') => {
    const { body } = await call(`calendars/${id}/events?${query}`)
    return (body.items as { id: string }[] | undefined)?.map(({ id }) => id)
  }
  t.same(await events('singleEvents=true&orderBy=startTime'), ['e1', 'e2', 'e3'])
  t.same(await events('timeMin=2026-11-27T10:00:00Z&timeMax=2026-11-28T00:00:00Z', 'ada%40example.com'), ['e2'])
  const first = await call('calendars/primary/events?maxResults=2')
  t.equal((first.body.items as unknown[]).length, 2)
  t.same(await events(`maxResults=2&pageToken=${first.body.nextPageToken}`), ['e3'])
  t.equal((await call('calendars/other/events')).status, 404)
  t.equal((await call('calendars/primary/events?timeMin=today')).status, 400)
  t.equal((await call('calendars/primary/events?orderBy=startTime')).status, 400)
  t.equal((await call('users/me/calendarList', 'x')).status, 401)
  t.equal((await call('users/me/calendarList', (await connect(google)).access_token)).status, 403)
})
