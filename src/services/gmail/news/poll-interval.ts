/** The shortest and the longest time between two looks at a mailbox. */
export const shortestMs = 15_000
export const longestMs = 600_000
const growth = 1.5

/**
 * How long to leave a mailbox alone, in milliseconds. Where news was found more is likely; where there is none the pause
 * grows. With pushes polling is only for those that were late or dropped.
 */
export function nextInterval(previousMs: number, { found, pushed }: { found: boolean; pushed: boolean }): number {
  if (pushed) return longestMs
  if (found) return shortestMs
  return Math.min(Math.max(previousMs, shortestMs) * growth, longestMs)
}
