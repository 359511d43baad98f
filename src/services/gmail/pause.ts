/** Ends when the time is over by either clock: the database's may be set back meanwhile. */
export function createPause(nowMs: () => number) {
  let until = { byClockMs: 0, byTimerMs: 0 }
  const leftMs = () => Math.max(0, Math.min(until.byClockMs - nowMs(), until.byTimerMs - performance.now()))
  return {
    leftMs,
    extend(ms: number): void {
      if (ms > leftMs()) until = { byClockMs: nowMs() + ms, byTimerMs: performance.now() + ms }
    }
  }
}
