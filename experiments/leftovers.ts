import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const atExit = new Set<() => void>()

process.on('exit', () => {
  for (const clean of atExit) clean()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Runs at the end of this process, however it comes about, unless it is taken back. */
export function cleanAtExit(clean: () => void): () => void {
  atExit.add(clean)
  return () => void atExit.delete(clean)
}

/** A folder that is gone when this process is. */
export function createFolder(purpose: string): string {
  const folder = mkdtempSync(join(tmpdir(), `guichet-${purpose}-`))
  cleanAtExit(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
