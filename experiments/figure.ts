/** What every experiment is given. */
export interface Task {
  seed: string
  /** How much of it, in the experiment's own unit; its full size unless another was asked for. */
  size: number
  /** The size that a check of every change can afford. */
  small: boolean
  /** Says how far it is, on standard error. */
  progress(text: string): void
}

/** What an experiment found. */
export interface Finding {
  /** What was done, in numbers, and the result. */
  lines: string[]
  /** What violates the bar, in words; empty if the figure holds. */
  faults: string[]
}

export interface Figure {
  name: string
  title: string
  /** What must hold. */
  bar: string
  /** What `size` counts. */
  unit: string
  full: number
  small: number
  run(task: Task): Promise<Finding>
}

export interface Faults {
  readonly found: string[]
  add(fault: string): void
  expect(holds: boolean, fault: string): void
}

const maxFaults = 20

/** Collects faults, and keeps the report short where one comes a thousand times. */
export function createFaults(): Faults {
  const found: string[] = []
  let more = 0
  function add(fault: string): void {
    if (found.length < maxFaults) found.push(fault)
    else found[maxFaults] = `… and ${++more} more`
  }
  return {
    found,
    add,
    expect(holds, fault) {
      if (!holds) add(fault)
    }
  }
}

/** Runs `work` for each item, `atOnce` at a time. */
export async function inLanes<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const lane = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
