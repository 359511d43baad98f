/** The one source of time: milliseconds since the Unix epoch, in no time zone. Injected, so that tests move it. */
export interface Clock {
  nowMs(): number
}

/** The time of the process's start and what has passed since: the machine's clock may be set meanwhile, this one goes on. */
export const systemClock: Clock = { nowMs: () => Math.floor(performance.timeOrigin + performance.now()) }
