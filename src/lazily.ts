import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const packages: (() => unknown)[] = []

/**
 * A package that only some requests need: loaded where it is first used, so that no start waits for it. `require` and not
 * `import`, for most of its users cannot wait: of a module it gives all exports (`default` among them), as `import()` does.
 */
export function lazily<Package>(name: string): () => Package {
  let loaded: Package | undefined
  const load = () => {
    loaded ??= require(name) as Package
    return loaded
  }
  packages.push(load)
  return load
}

/** Loads packages before their first use, so that no user waits for them: one at a time, with `pauseMs` before each for requests. */
export async function loadTheRest(pauseMs: number): Promise<void> {
  for (const load of packages) {
    await delay(pauseMs)
    load()
  }
}
