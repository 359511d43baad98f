import type { World } from '../experiments/world.ts'
import type { BenchDatabase } from './database.ts'
import type { Server } from './process.ts'
import type { Spread } from './statistics.ts'

/** What a row of the table is given. */
export interface Bench {
  world: World
  database: BenchDatabase
  /** Two minutes for all rows, instead of twenty. */
  isQuick: boolean
  /** Of load in the row "memory", where that was asked for. */
  minutes: number | undefined
  /** guichet as `npm start` runs it, with its access log, audit lines and limits at work. */
  guichet: Server
  /** Bare Fastify that does the same work on database, cryptography and Google, and nothing else. */
  floor: Server
  progress(text: string): void
}

/** A figure and its bar, if it has one. */
export interface Verdict {
  what: string
  value: Spread
  unit: '×' | 'MB' | 'ms' | '%' | ''
  atMost?: number
  atLeast?: number
}

export interface Finding {
  columns: string[]
  lines: (string | number)[][]
  verdicts: Verdict[]
  notes?: string[]
  /** Points to draw: how something grows. */
  chart?: { x: string; y: string; points: [number, number][] }
}

export interface Row {
  name: string
  title: string
  run(bench: Bench): Promise<Finding>
}

export function isMet({
  value,
  atMost = Number.POSITIVE_INFINITY,
  atLeast = Number.NEGATIVE_INFINITY
}: Verdict): boolean {
  return value.median <= atMost && value.median >= atLeast
}
