import t from 'tap'
import { hasCode } from '../../../src/errors.ts'
import { type Ask, createAccountGovernor, type Permit } from '../../../src/services/gmail/governor.ts'
import type { Share } from '../../../src/services/gmail/quota.ts'
import { createTestClock } from '../../helper.ts'

/** A budget without a database, of that many units. */
function createShare(units: number): Share & { told: number[] } {
  const told: number[] = []
  return {
    told,
    has: (wanted, reserve) => units - wanted >= reserve,
    spend: wanted => {
      units -= wanted
    },
    refill: async () => 60_000,
    foresee: (wanted, reserve) => (units - wanted >= reserve ? 0 : 60_000),
    left: () => units,
    pause: async untilMs => void told.push(untilMs),
    pausedUntilMs: () => 0
  }
}

function start({ units = 100_000 } = {}) {
  const clock = createTestClock()
  const account = createShare(units)
  const governor = createAccountGovernor({
    account,
    project: createShare(1_000_000),
    unitsPerUser: units,
    unitsPerProject: 1_000_000,
    nowMs: clock.nowMs
  })
  const ask = (more: Partial<Ask> = {}): Ask => ({
    units: 5,
    interactive: true,
    sends: false,
    deadlineMs: clock.nowMs() + 14_000,
    ...more
  })
  const granted: string[] = []
  const enter = (name: string, more: Partial<Ask> = {}) =>
    governor.enter(ask(more)).then(permit => {
      granted.push(name)
      return permit
    })
  return { clock, account, governor, ask, enter, granted }
}

// The governor's own timers keep no process alive.
const alive = setInterval(() => {}, 1_000)
t.teardown(() => clearInterval(alive))

const settle = () => new Promise(resolve => setImmediate(resolve))

t.test('[G22] governor › ten calls at once › six run, the others follow in order', async t => {
  const { enter, granted } = start()
  const permits: Promise<Permit>[] = []
  for (let call = 0; call < 10; call++) permits.push(enter(String(call)))
  await settle()
  t.same(granted, ['0', '1', '2', '3', '4', '5'])
  const first = await permits[0]
  first?.release()
  first?.release()
  await settle()
  t.equal(granted.length, 7, 'a slot that is given back twice is one slot')
})

t.test(
  '[G22] governor › Google refuses for concurrency › the limit halves, then grows by one every ten successes',
  async t => {
    const { governor, enter, granted } = start()
    for (let refusals = 0; refusals < 4; refusals++) governor.refused({ reason: 'concurrency', waitMs: 0 })
    const permits = ['a', 'b', 'c'].map(name => enter(name))
    await settle()
    t.same(granted, ['a'], 'one is the least')
    for (let successes = 0; successes < 10; successes++) governor.succeeded()
    ;(await permits[0])?.release()
    await settle()
    t.same(granted, ['a', 'b', 'c'])
  }
)

t.test('[G21] governor › background work › goes last, and leaves two slots', async t => {
  const { enter, granted } = start()
  for (let call = 0; call < 6; call++) void enter(`poll ${call}`, { interactive: false })
  await settle()
  t.same(granted, ['poll 0', 'poll 1', 'poll 2', 'poll 3'])
  const read = await enter('read')
  t.equal(granted.at(-1), 'read', 'at once')
  void enter('read again')
  void enter('third')
  await settle()
  t.notOk(granted.includes('third'))
  read.release()
  await settle()
  t.equal(granted.at(-1), 'third', 'before the polls that wait longer')
})

t.test('[G21] governor › background work has used its share › it waits, interactive calls do not', async t => {
  const { enter, ask, governor } = start({ units: 100 })
  for (let call = 0; call < 4; call++) (await enter('poll', { interactive: false, units: 20 })).release()
  await t.rejects(governor.enter(ask({ interactive: false, units: 20 })), { code: 'google_rate_limited' })
  ;(await enter('read', { units: 20 })).release()
  t.equal(governor.left(), 0)
})

t.test('[G21] governor › no units in time › refused at once, with Retry-After', async t => {
  const { governor, ask } = start({ units: 10 })
  const error = await governor.enter(ask({ units: 20 })).catch(error => error)
  t.ok(hasCode(error, 'google_rate_limited'))
  t.equal(error.details.retryAfterSeconds, 60)
})

t.test('[G20] governor › a pause longer than the deadline › refused at once; a shorter one is waited for', async t => {
  const { governor, ask, clock, enter, account } = start()
  governor.refused({ reason: 'rate', waitMs: 70_000 })
  const error = await governor.enter(ask()).catch(error => error)
  t.ok(hasCode(error, 'google_rate_limited'))
  t.equal(error.details.retryAfterSeconds, 70)
  t.same(account.told, [clock.nowMs() + 70_000], 'and the other replicas are told')
  clock.advance(70_000)
  ;(await enter('after it')).release()
  governor.refused({ reason: 'rate', waitMs: 20 })
  ;(await enter('a short one')).release()
  t.equal(account.told.length, 1)
})

t.test("[G20] governor › the day's sending limit is reached › only sending pauses", async t => {
  const { governor, ask, enter } = start()
  governor.refused({ reason: 'sending', waitMs: 7_200_000 })
  ;(await enter('read')).release()
  const error = await governor.enter(ask({ sends: true })).catch(error => error)
  t.equal(error.details.retryAfterSeconds, 900, 'asked again after a quarter of an hour')
})

t.test('[G20] governor › Google refuses without a Retry-After › each pause is longer', async t => {
  const { governor, ask } = start()
  for (let refusals = 0; refusals < 12; refusals++) governor.refused({ reason: 'rate', waitMs: undefined })
  const error = await governor.enter(ask()).catch(error => error)
  t.ok(error.details.retryAfterSeconds > 14 && error.details.retryAfterSeconds <= 32)
})

t.test('[G20] governor › a caller gives up while waiting › it takes no slot', async t => {
  const { enter, governor, granted } = start()
  const permits = await Promise.all(Array.from({ length: 6 }, (_, call) => enter(String(call))))
  const gone = new AbortController()
  const waiting = enter('gone', { signal: gone.signal })
  void enter('behind')
  gone.abort(new Error('went away'))
  await t.rejects(waiting, { message: 'went away' })
  permits[0]?.release()
  await settle()
  t.equal(granted.at(-1), 'behind')
  t.notOk(governor.idle)
})
