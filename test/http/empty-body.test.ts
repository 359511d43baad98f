import t from 'tap'
import { enter, isProblem } from '../helper.ts'
import { createKey } from './operations.ts'

const json = { 'content-type': 'application/json' }

t.test('bodies › an empty one announced as JSON › counts as no body, on every route', async t => {
  const { app, signedIn, google } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const headers = { ...json, authorization: await createKey(app) }
  const [message] = google.user('ada@example.com').messages
  for (const payload of ['', Buffer.alloc(0)]) {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) {
      const vended = await app.inject({
        method: 'POST',
        url: `/v1/connections/${id}/token`,
        headers: { ...headers, 'content-type': type, 'content-length': '0' },
        payload
      })
      t.equal(vended.statusCode, 200, type)
    }
  }
  const trash = `/connections/${id}/gmail/messages/${message?.id}/trash`
  t.equal((await ada.request({ method: 'POST', url: trash, headers: json, payload: '' })).statusCode, 200)
  for (const payload of [' ', '\r\n', 'null\u0000'])
    isProblem(t, await ada.request({ method: 'POST', url: trash, headers: json, payload }), 400, 'invalid_request')
  isProblem(t, await app.inject({ method: 'POST', url: '/v1/tickets', headers, payload: '' }), 400, 'invalid_request')
  for (const url of [`/connections/${id}`, '/auth/session'])
    t.ok((await ada.request({ method: 'DELETE', url, headers: json, payload: '' })).statusCode < 300, `DELETE ${url}`)
  t.same(google.violations, [])
})
