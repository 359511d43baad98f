/** Lets callers who want the same thing at the same time share one run of the work. */
export interface SingleFlight<T> {
  /** Whether work for that key is under way. */
  runs(key: string): boolean
  /** Joins the work under way for that key, or starts it. */
  run(key: string, work: () => Promise<T>): Promise<T>
}

/** Flights of this process, by key. Keyed by connection, a result never reaches another user's caller. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>()
  return {
    runs: key => flights.has(key),
    run(key, work) {
      const running = flights.get(key)
      if (running) return running
      const flight = work().finally(() => flights.delete(key))
      flights.set(key, flight)
      return flight
    }
  }
}
