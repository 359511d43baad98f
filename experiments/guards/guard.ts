/** A check that keeps something out, how the source looks without it, and the test that must notice. */
export interface Guard {
  /** What is gone, in words. */
  removed: string
  file: string
  /** Its source, which stands once in the file. */
  guard: string
  without: string
  test: string
  /** How the test's name begins. */
  name: string
}

/** Guards of one source file that one test file holds. */
export function guardsOf(
  file: string,
  test: string,
  list: readonly (readonly [removed: string, name: string, guard: string, without: string])[]
): Guard[] {
  return list.map(([removed, name, guard, without]) => ({ removed, file, guard, without, test, name }))
}
