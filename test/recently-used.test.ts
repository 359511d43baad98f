import t from 'tap'
import { createRecentlyUsed } from '../src/recently-used.ts'

t.test('recently used › an entry that is used again and again › is kept among any number of others', async t => {
  const kept = createRecentlyUsed<string, number>(10)
  kept.set('used', 0)
  for (let other = 1; other <= 1_000; other++) {
    kept.set(`other ${other}`, other)
    if (other % 9 === 0) t.equal(kept.get('used'), 0)
  }
})

t.test('recently used › an unused entry › kept for the limit of newer entries, dropped at twice the limit', async t => {
  const kept = createRecentlyUsed<string, number>(10)
  kept.set('once', 0)
  for (let other = 1; other < 10; other++) kept.set(`other ${other}`, other)
  t.equal(kept.get('once'), 0, 'nine others')
  for (let other = 10; other < 30; other++) kept.set(`other ${other}`, other)
  t.equal(kept.get('once'), undefined, 'twenty others since')
})

t.test('recently used › set again › holds the later value', async t => {
  const kept = createRecentlyUsed<string, number>(2)
  for (const [key, value] of [
    ['a', 1],
    ['b', 1],
    ['c', 1],
    ['a', 2]
  ] as const)
    kept.set(key, value)
  t.equal(kept.get('a'), 2)
})
