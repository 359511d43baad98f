import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

/**
 * The first core for some processes and the others for the rest, until what it returns is called; as it is, where there
 * is one core alone or no `taskset` (util-linux).
 */
export function giveCoreOfItsOwn(measured: number[], others: number[]): () => void {
  const last = cpus().length - 1
  const pin = (pids: number[], cores: string) => {
    for (const pid of pids) execFileSync('taskset', ['-apc', cores, `${pid}`], { stdio: 'ignore' })
  }
  const share = () => pin([...measured, ...others], `0-${last}`)
  if (last === 0) return () => {}
  try {
    pin(measured, '0')
    pin(others, `1-${last}`)
    return share
  } catch {
    return () => {}
  }
}
