import t from 'tap'
import { isLater, latest, parseWithHistoryId, toHistoryId } from '../../../../src/services/gmail/news/history-id.ts'

const above2to53 = '9007199254740993'

t.test('[G28] a historyId › above 2^53, as a number in a push › keeps its digits', async t => {
  t.same(parseWithHistoryId(`{"emailAddress":"a@b.c","historyId":${above2to53}}`), {
    emailAddress: 'a@b.c',
    historyId: above2to53
  })
  t.same(parseWithHistoryId(`{"historyId":"${above2to53}"}`), { historyId: above2to53 })
  t.equal(toHistoryId(above2to53), above2to53)
  t.equal(toHistoryId('18446744073709551615'), '18446744073709551615', 'the largest that 64 bits hold')
})

t.test('[G28] a historyId › invalid, or digits may be lost › refused', async t => {
  for (const value of [Number(above2to53), 1.5, -1, '', '1e3', '-5', '0x10', '01', '184467440737095516150', null, {}])
    t.throws(() => toHistoryId(value), { code: 'google_invalid_response' }, String(value))
  t.equal(toHistoryId(1234), '1234', 'a number that is exact is as good as its text')
})

t.test('[G28] historyIds › too large for a JavaScript number › are still ordered', async t => {
  t.ok(isLater(above2to53, '9007199254740992'))
  t.notOk(isLater('9007199254740992', above2to53))
  t.notOk(isLater('10', '10'))
  t.ok(isLater('10', '9'), 'by value, not as text')
  t.equal(latest('5', '40', '7'), '40')
})
