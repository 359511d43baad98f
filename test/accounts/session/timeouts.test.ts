import t from 'tap'
import { parseConfig } from '../../../src/config/config.ts'
import { enter, isProblem } from '../../helper.ts'

const environment = { SESSION_IDLE_SECONDS: '2', SESSION_MAX_SECONDS: '5' }

t.test('[R41] timeouts › unused for the idle limit › ended, on every replica', async t => {
  const { signedIn, clock, replica } = await enter(t, { environment })
  const other = await replica()
  const ada = await signedIn()
  clock.advance(1_999)
  t.equal((await ada.clone().fetch('/auth/session')).statusCode, 200, 'just in time, and the time starts again here')
  clock.advance(1_999)
  t.equal((await ada.clone(other).fetch('/auth/session')).statusCode, 200)
  clock.advance(2_000)
  for (const at of [other, undefined]) isProblem(t, await ada.clone(at).fetch('/auth/session'), 401, 'unauthenticated')
  isProblem(t, await ada.clone().fetch('/connections'), 401, 'unauthenticated')
})

t.test('[R41] timeouts › used all the time › ended at the absolute limit', async t => {
  const { signedIn, clock, replica } = await enter(t, { environment })
  const other = await replica()
  const ada = await signedIn()
  const { id } = await ada.connected()
  for (let second = 1; second < 5; second++) {
    clock.advance(1_000)
    for (const at of [undefined, other])
      t.equal((await ada.clone(at).fetch(`/connections/${id}`)).statusCode, 200, `after ${second} s`)
  }
  clock.advance(999)
  t.equal((await ada.clone().fetch('/auth/session')).statusCode, 200)
  clock.advance(1)
  for (const at of [undefined, other]) isProblem(t, await ada.clone(at).fetch('/auth/session'), 401, 'unauthenticated')
})

t.test('[R41] timeouts › attributes that the browser adds to its cookie › ignored', async t => {
  const { app, signedIn, clock } = await enter(t, { environment })
  const ada = await signedIn()
  const good = `guichet-3000=${ada.cookies.get('guichet-3000')}`
  clock.advance(2_000)
  for (const more of [
    '',
    '; Expires=Fri, 01 Jan 2100 00:00:00 GMT',
    '; Max-Age=99999999',
    '; Expires=Thu, 01 Jan 1970'
  ])
    isProblem(t, await app.inject({ url: '/auth/session', headers: { cookie: good + more } }), 401, 'unauthenticated')
})

t.test('[R41] timeouts › an expired session’s flows › cannot be finished', async t => {
  const { signedIn, clock, google } = await enter(t, { environment })
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail')
  clock.advance(2_000)
  isProblem(t, await ada.fetch(callback), 400, 'flow_wrong_session')
  t.equal(google.calls('token'), 1)
})

t.test('[R41] timeouts › sessions before sign-in › the same limits', async t => {
  const { browser, clock } = await enter(t, { environment })
  const ada = browser()
  const callback = await ada.authorize('/auth/google')
  clock.advance(2_000)
  isProblem(t, await ada.fetch(callback), 400, 'flow_wrong_session')
})

t.test('[R41] timeouts › without settings › one day idle, one week in all', async t => {
  const { environment: whole } = await enter(t)
  t.same(parseConfig(whole).session, { idleSeconds: 86_400, maxSeconds: 604_800 })
})
