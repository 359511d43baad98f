import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient } from 'mongodb'

/** A database in a process of its own, which ends with this one: what it costs is not counted with the load generator's work. */
export interface BenchDatabase {
  name: string
  uri: string
  /** The others find what is due by looking at each record (bench/notes.md). */
  takesAMillion: boolean
}

/** MongoDB where MONGODB_URI names one, else SecantusDB's Rust server where cargo built it, else the embedded stand-in. */
export async function openDatabase(): Promise<BenchDatabase> {
  const { MONGODB_URI } = process.env
  if (MONGODB_URI) return { name: 'MONGODB_URI', uri: MONGODB_URI, takesAMillion: true }
  return (await startSecantus()) ?? startStandIn()
}

async function startSecantus(): Promise<BenchDatabase | undefined> {
  const port = 27_200 + (process.pid % 500)
  const path = [process.env.PATH, join(homedir(), '.cargo/bin')].join(delimiter)
  const directory = mkdtempSync(join(tmpdir(), 'guichet-bench-'))
  const flags = ['--port', String(port), '--storage-path', directory, '--standalone', '--log-level', 'ERROR']
  const child = spawn('secantusd-rs', flags, { env: { ...process.env, PATH: path }, stdio: 'ignore' })
  const close = () => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', close)
  const isStarted = await once(child, 'spawn').then(
    () => true,
    () => false
  )
  if (!isStarted) return undefined
  const uri = `mongodb://127.0.0.1:${port}/bench`
  for (let tries = 0; tries < 20 && child.exitCode === null; tries++) {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 500 })
    const answered = await client
      .db()
      .command({ ping: 1 })
      .then(() => true)
      .catch(() => false)
    await client.close()
    if (answered) return { name: 'SecantusDB (Rust)', uri, takesAMillion: false }
    await delay(250)
  }
  close()
  return undefined
}

async function startStandIn(): Promise<BenchDatabase> {
  const main = join(import.meta.dirname, '../packages/embedded-mongo/src/main.ts')
  const child = spawn(process.execPath, [main, '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { name: 'the embedded stand-in', uri: String(line).trim(), takesAMillion: false }
}
