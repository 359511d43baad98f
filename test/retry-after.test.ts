import t from 'tap'
import { retryAfterSeconds } from '../src/retry-after.ts'

const nowMs = Date.UTC(2026, 10, 27, 12)

const cases: [header: string | null | undefined, seconds: number | undefined][] = [
  ['7', 7],
  [' 7 ', 7],
  ['0', 0],
  ['2.5', 3],
  ['0.2', 1],
  ['Fri, 27 Nov 2026 12:01:30 GMT', 90],
  ['Friday, 27-Nov-26 12:01:30 GMT', 90],
  ['Fri Nov 27 12:01:30 2026 GMT', 90],
  ['Fri Nov 27 12:01:30 2026', 90],
  ['Fri, 27 Nov 2026 13:01:30 +0100', 90],
  ['2026-11-27T12:00:00.500Z', 1],
  ['Fri, 27 Nov 2026 12:00:00 GMT', undefined],
  ['Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ['-5', undefined],
  ['+5', undefined],
  ['1e3', undefined],
  ['5 seconds', undefined],
  ['0x10', undefined],
  ['Infinity', undefined],
  ['9999999999999', undefined],
  ['soon', undefined],
  ['Someday 5', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined]
]

t.test('[R77] retry-after › only a wait in the future counts, in whichever zone this runs', async t => {
  const { TZ } = process.env
  process.env.TZ = 'America/New_York'
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })
  for (const [header, seconds] of cases) t.equal(retryAfterSeconds(header, nowMs), seconds, String(header))
})
