import { Min } from '@tapjs/reporter'
import type { Test } from 'tap'

/**
 * Tells of each file that ended, of what failed, and the counts at the end. Those of tap draw the counts again with every
 * assertion: 13 s of processor time in all.
 */
export default function quiet(props: { test: Test }): unknown {
  const { test } = props
  const say = (text: string) => process.stdout.write(`${text.trimEnd()}\n`)
  test.parser.on('comment', say)
  test.on('spawn', child => {
    child.on('process', ({ stderr }) => stderr?.pipe(process.stderr, { end: false }))
  })
  test.on('subtestEnd', ({ name, time, counts }) => {
    say(`${name}: ${counts.pass} of ${counts.total} in ${Math.round((time ?? 0) / 1000)} s`)
  })
  return Min(props)
}
