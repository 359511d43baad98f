import { createHash } from 'node:crypto'

/** Chance that can be repeated: the same seed draws the same numbers (what processes and sockets do with them is theirs). */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number
  between(start: number, end: number): number
  pick<T>(list: readonly T[]): T
}

/** sfc32, seeded from any text: http://pracrand.sourceforge.net/RNG_engines.txt */
export function createRandom(seed: string): Random {
  const words = new Uint32Array(createHash('sha256').update(seed).digest().buffer.slice(0, 16))
  let [a = 0, b = 0, c = 0, count = 0] = words

  function next(): number {
    const sum = (a + b + count) | 0
    count = (count + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }

  const below = (end: number) => Math.floor(next() * end)
  return {
    next,
    below,
    between: (start, end) => start + next() * (end - start),
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('there is nothing to pick from')
      return list[below(list.length)] as T
    }
  }
}
