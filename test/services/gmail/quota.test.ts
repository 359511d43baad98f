import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { createQuota, type QuotaRecord, type Share } from '../../../src/services/gmail/quota.ts'
import { createTestClock } from '../../helper.ts'

/** Several processes' shares of one budget. */
async function startShares(t: Test, budget: number, count = 2) {
  const clock = createTestClock()
  const mongo = await startEmbeddedMongo({ nowMs: clock.nowMs })
  const client = new MongoClient(mongo.uri)
  t.teardown(async () => {
    await client.close()
    await mongo.close()
  })
  let writes = 0
  const collection = client.db().collection<QuotaRecord>('gmailQuota')
  const counting = new Proxy(collection, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (name === 'updateOne' || name === 'insertOne') writes += 1
        return Reflect.apply(value, target, args)
      }
    }
  })
  const shares = Array.from({ length: count }, (_, at) =>
    createQuota({ collection: counting, clock, owner: `p${at}` })('user:1', budget)
  )
  return { clock, shares, writes: () => writes, collection }
}

/** Spends units as a call does; 0 on success, else the wait. */
async function spend(share: Share, units: number, reserve = 0): Promise<number> {
  if (!share.has(units, reserve)) {
    const waitMs = await share.refill(units, reserve)
    if (waitMs > 0) return waitMs
  }
  share.spend(units)
  return 0
}

t.test('[G21] quota › two processes at full speed for ten minutes › no minute exceeds the budget', async t => {
  const budget = 600
  const { clock, shares, writes } = await startShares(t, budget)
  const spent: { atMs: number; units: number }[] = []
  for (let step = 0; step < 6_000; step++) {
    for (const share of shares) {
      const units = step % 7 === 0 ? 100 : 5
      if ((await spend(share, units)) === 0) spent.push({ atMs: clock.nowMs(), units })
    }
    clock.advance(100)
  }
  let most = 0
  let from = 0
  let sum = 0
  for (const { atMs, units } of spent) {
    sum += units
    while ((spent[from]?.atMs ?? 0) <= atMs - 60_000) sum -= spent[from++]?.units ?? 0
    most = Math.max(most, sum)
  }
  const total = spent.reduce((all, { units }) => all + units, 0)
  t.ok(most <= budget, `at most ${most}`)
  t.ok(total > budget * 10 * 0.8, `and most of ten minutes' budget is used: ${total}`)
  t.ok(writes() < spent.length, `${writes()} writes for ${spent.length} calls`)
})

t.test('[G21] quota › plenty of budget left › one database write for each twentieth of it', async t => {
  const { shares, writes } = await startShares(t, 6_000, 1)
  const [share] = shares
  if (!share) return
  for (let call = 0; call < 200; call++) t.equal(await spend(share, 5), 0)
  t.ok(writes() <= 4, `${writes()} writes for 200 calls`)
  t.equal(share.left(), 5_000)
})

t.test(
  '[G21] quota › the share reserved for interactive calls › is never used by background work of any process',
  async t => {
    const { shares, clock } = await startShares(t, 600)
    const [poller, other] = shares
    if (!poller || !other) return
    let polled = 0
    while ((await spend(poller, 20, 120)) === 0) polled += 20
    t.ok(polled <= 480, `${polled}`)
    clock.advance(2_000)
    let served = 0
    while ((await spend(other, 20)) === 0) served += 20
    t.ok(served >= 100, `${served}`)
    t.ok(polled + served <= 600)
  }
)

t.test('[G21] quota › more units than are left › Retry-After says when there will be some', async t => {
  const { shares, clock } = await startShares(t, 600)
  const [one, other] = shares
  if (!one || !other) return
  while ((await spend(one, 100)) === 0) clock.advance(1_000)
  const waitMs = await spend(other, 100)
  t.ok(waitMs > 0 && waitMs <= 66_000, `${waitMs}`)
  clock.advance(waitMs)
  t.equal(await spend(other, 100), 0)
})

t.test('[G21] quota › a process dies with a full batch of units › they are free after two minutes at most', async t => {
  const { shares, clock } = await startShares(t, 600)
  const [dead, heir] = shares
  if (!dead || !heir) return
  t.equal(await dead.refill(600, 0), 0)
  t.ok((await spend(heir, 20)) > 0)
  clock.advance(121_001)
  t.equal(await spend(heir, 20), 0)
})

t.test('[G20] quota › one process pauses › another sees it when it next takes units', async t => {
  const { shares, clock } = await startShares(t, 600)
  const [one, other] = shares
  if (!one || !other) return
  const untilMs = clock.nowMs() + 30_000
  await one.pause(untilMs)
  await one.pause(untilMs - 10_000)
  await spend(other, 5)
  t.equal(other.pausedUntilMs(), untilMs, 'the longer one')
})
