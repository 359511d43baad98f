/** The shortest and the longest time between two looks at a mailbox. */
export const shortestMs = 15_000
export const longestMs = 600_000
const growth = 1.5

/**
 * The pause before the next look at a mailbox, in milliseconds: short after news, because more is likely, and longer each
 * time there is none. With pushes, polling only finds what a late or lost push has not reported.
 */
export function nextInterval(previousMs: number, { found, pushed }: { found: boolean; pushed: boolean }): number {
  if (pushed) return longestMs
  if (found) return shortestMs
  return Math.min(Math.max(previousMs, shortestMs) * growth, longestMs)
}
