import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * What V8 compiles is kept beside the code, and no later start compiles it again. Not in the temporary folder, where others
 * could leave code for this process; where this one cannot be written, what is there is still read.
 * To be called before anything else is loaded.
 */
export function keepCompiled(): void {
  enableCompileCache(join(import.meta.dirname, '../../.compile-cache'))
}
