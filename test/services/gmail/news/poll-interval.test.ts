import t from 'tap'
import { longestMs, nextInterval, shortestMs } from '../../../../src/services/gmail/news/poll-interval.ts'

t.test('[G31] polling › no new mail › slows down from 15 s to 10 min, and back when mail arrives', async t => {
  const intervals = [shortestMs]
  while ((intervals.at(-1) ?? 0) < longestMs) {
    intervals.push(nextInterval(intervals.at(-1) ?? 0, { found: false, pushed: false }))
  }
  t.equal(intervals[0], 15_000)
  t.equal(intervals.at(-1), 600_000)
  t.ok(intervals.length > 5 && intervals.length < 15, 'in steps')
  t.equal(nextInterval(longestMs, { found: false, pushed: false }), longestMs, 'and no slower')
  t.equal(nextInterval(longestMs, { found: true, pushed: false }), shortestMs)
  t.equal(
    nextInterval(shortestMs, { found: true, pushed: true }),
    longestMs,
    'where Google pushes, it only looks after'
  )
})
