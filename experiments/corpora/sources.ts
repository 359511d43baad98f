import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Corpus {
  name: string
  /** Where its mails lie once they are fetched. */
  fetch(folder: string): Promise<string[]>
}

/** Mails that nobody here wrote, each from its own registry; nothing of them is kept. */
export const corpora: readonly Corpus[] = [
  {
    name: 'mail-parser 1.0.1 (crates.io)',
    async fetch(folder) {
      const home = join(folder, 'cargo')
      await mkdir(home, { recursive: true })
      await writeFile(
        join(home, 'Cargo.toml'),
        '[package]\nname = "corpora"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\nmail-parser = "=1.0.1"\n'
      )
      await writeFile(join(home, 'lib.rs'), '')
      await run('cargo', ['vendor', '--quiet', 'vendor'], { cwd: home })
      return found(join(home, 'vendor'), 'mail-parser*/resources/eml/**/*.eml')
    }
  },
  {
    name: 'apache-mime4j-core 0.8.11, tests (Maven Central)',
    async fetch(folder) {
      const home = join(folder, 'mime4j')
      await mkdir(home, { recursive: true })
      const artifact = 'org.apache.james:apache-mime4j-core:0.8.11:jar:tests'
      await run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${home}`], {
        cwd: home
      })
      const [jar = ''] = await found(home, '*.jar')
      await run('python3', ['-m', 'zipfile', '-e', jar, home])
      return found(home, '**/*.msg')
    }
  },
  {
    name: "CPython's own (test_email/data)",
    async fetch() {
      const where = 'import os, test.test_email as t; print(os.path.join(os.path.dirname(t.__file__), "data"))'
      const { stdout } = await run('python3', ['-c', where])
      return existsSync(stdout.trim()) ? found(stdout.trim(), 'msg_*.txt') : []
    }
  }
]

async function found(folder: string, pattern: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(pattern, { cwd: folder })) files.push(join(folder, file))
  return files.sort()
}

/** Each mail as Gmail's resource, and what Python reads in it: see convert.py. */
export async function convert(files: readonly string[]): Promise<Converted[]> {
  const script = join(import.meta.dirname, 'convert.py')
  const converting = run('python3', [script], { maxBuffer: 1024 * 1024 * 1024 })
  converting.child.stdin?.end(files.join('\n'))
  const { stdout } = await converting
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Converted)
}

export interface Converted {
  name: string
  /** Python could not read it at all. */
  failed?: string
  utf8: ReadyPayload
  declared: ReadyPayload
  expected: Expected
}

export type ReadyPayload = { mimeType?: string; parts?: ReadyPayload[] }

/** What is missing is named in `unread`: Python's reader failed there. */
export interface Expected {
  text?: string | null
  html?: string | null
  /** Name, type and whether it is disposed as an attachment. */
  attachments?: [filename: string, mimeType: string, isAttached: boolean][]
  subject?: string
  from?: [name: string, address: string][]
  unread?: Record<string, string>
}
