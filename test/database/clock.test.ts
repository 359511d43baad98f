import t from 'tap'
import { createDatabaseClock } from '../../src/database/clock.ts'
import { createTestClock } from '../helper.ts'

t.test('database clock › the local clock is set while it is compared › the last offset stays', async t => {
  const local = createTestClock()
  const theirs = createTestClock()
  let meanwhile = () => {}
  const clock = createDatabaseClock(local, async () => {
    const date = new Date(theirs.nowMs())
    meanwhile()
    return date
  })
  theirs.advance(60_000)
  await clock.sync()
  const offset = () => clock.nowMs() - theirs.nowMs()
  t.ok(Math.abs(offset()) < 1_000)
  for (const step of [-1, 3_600_000]) {
    meanwhile = () => local.advance(step)
    await t.rejects(clock.sync(), { code: 'clock_was_set' })
    local.advance(-step)
    t.ok(Math.abs(offset()) < 1_000, 'as if nobody had asked')
  }
  meanwhile = () => local.advance(2_000)
  await clock.sync()
  t.ok(Math.abs(offset()) < 3_000, 'a slow answer counts, by its middle')
})
