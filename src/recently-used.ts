/** A map that forgets what was not used for longest. */
export interface RecentlyUsed<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): void
}

/**
 * Keeps each entry at least until `least` others have been used since, and twice as many entries at most.
 * Moving an entry of a Map to its end at each use would do too, but a Map that is changed at each request is rebuilt
 * again and again, and V8 keeps all that its earlier tables held until it next collects the old generation.
 */
export function createRecentlyUsed<Key, Value>(least: number): RecentlyUsed<Key, Value> {
  let recent = new Map<Key, Value>()
  let earlier = new Map<Key, Value>()

  function set(key: Key, value: Value): void {
    if (recent.size >= least && !recent.has(key)) {
      earlier = recent
      recent = new Map()
    }
    recent.set(key, value)
  }

  return {
    get(key) {
      if (recent.has(key)) return recent.get(key)
      const value = earlier.get(key)
      if (value !== undefined) set(key, value)
      return value
    },
    set
  }
}
