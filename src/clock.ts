/** The one source of time: milliseconds since the Unix epoch, in no time zone. Injected, so that tests move it. */
export interface Clock {
  nowMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now() }
