import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient } from 'mongodb'

/** A database in a process of its own: what it costs is not counted with the load generator's work. */
export interface BenchDatabase {
  name: string
  uri: string
  /** Whether it is the stand-in, whose own speed says nothing about a real server's. */
  isStandIn: boolean
  close(): void
}

/** MongoDB where MONGODB_URI names one, else SecantusDB's Rust server where cargo built it, else the embedded stand-in. */
export async function openDatabase(): Promise<BenchDatabase> {
  const { MONGODB_URI } = process.env
  if (MONGODB_URI) return { name: 'MONGODB_URI', uri: MONGODB_URI, isStandIn: false, close() {} }
  return (await startSecantus()) ?? startStandIn()
}

async function startSecantus(): Promise<BenchDatabase | undefined> {
  const port = 27_200 + (process.pid % 500)
  const path = [process.env.PATH, join(homedir(), '.cargo/bin')].join(delimiter)
  const child = spawn('secantus-mdb', ['--port', String(port), '--storage-path', ':memory:'], {
    env: { ...process.env, PATH: path },
    stdio: 'ignore'
  })
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
    if (answered) return { name: 'SecantusDB (Rust)', uri, isStandIn: false, close: () => void child.kill('SIGKILL') }
    await delay(250)
  }
  child.kill('SIGKILL')
  return undefined
}

async function startStandIn(): Promise<BenchDatabase> {
  const main = join(import.meta.dirname, '../packages/embedded-mongo/src/main.ts')
  const child = spawn(process.execPath, [main, '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = await once(child.stdout, 'data')
  return {
    name: 'the embedded stand-in',
    uri: String(line).trim(),
    isStandIn: true,
    close: () => void child.kill('SIGKILL')
  }
}
