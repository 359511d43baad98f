import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFaults, type Faults, type Figure, inLanes, type Task } from './figure.ts'
import { backendGuards } from './guards/backend.ts'
import { connectionGuards } from './guards/connections.ts'
import { gmailGuards } from './guards/gmail.ts'
import { gmailReadGuards } from './guards/gmail-reads.ts'
import { googleGuards } from './guards/google.ts'
import type { Guard } from './guards/guard.ts'
import { newsGuards } from './guards/news.ts'
import { outsideGuards } from './guards/outside.ts'
import { sessionGuards } from './guards/sessions.ts'
import { signInGuards } from './guards/sign-in.ts'
import { vaultGuards } from './guards/vault.ts'
import { cleanAtExit, createFolder } from './leftovers.ts'
import { createRandom, type Random } from './random.ts'

const guards: Guard[] = [
  ...signInGuards,
  ...sessionGuards,
  ...connectionGuards,
  ...googleGuards,
  ...gmailGuards,
  ...gmailReadGuards,
  ...newsGuards,
  ...backendGuards,
  ...vaultGuards,
  ...outsideGuards
]
const root = join(import.meta.dirname, '..')
const lanes = 2
const patienceMs = 240_000
/** Without a guard whatever is allowed still works: this walk through all of it notices nothing. */
const journey = { test: 'test/journey.test.ts', name: 'journey ›' }

/** Removes the checks one at a time: a suite that lets one go unnoticed proves nothing about it. */
export const guardFigure: Figure = {
  name: 'guards',
  title: 'Guards',
  bar: 'each of at least 60 security checks is removed, one at a time: the test named for it fails, while all that is allowed still works',
  unit: 'guards',
  full: guards.length,
  small: 6,
  run
}

async function run({ seed, size, progress }: Task) {
  const faults = createFaults()
  const chosen = choose(size, createRandom(seed))
  const copies = Array.from({ length: lanes }, copyCheckout)
  await expectBaseline(chosen, copies, faults)
  progress('with every guard in place all of their tests pass')
  let noticed = 0
  const free = [...copies]
  await inLanes(chosen, lanes, async guard => {
    const copy = free.pop() ?? ''
    const fault = await tryWithout(guard, copy)
    free.push(copy)
    if (fault) faults.add(`${guard.file}, ${guard.removed}: ${fault}`)
    else noticed++
    progress(`${fault ? 'NOT NOTICED' : 'noticed'}: ${guard.removed}`)
  })
  const tests = new Set(chosen.map(({ name }) => name)).size
  return {
    lines: [
      `${chosen.length} of ${guards.length} guards removed one at a time; for ${noticed} of them the test named for it failed and the journey through all that is allowed passed (${tests} different tests).`
    ],
    faults: faults.found
  }
}

function choose(size: number, random: Random): Guard[] {
  const left = [...guards]
  const chosen: Guard[] = []
  while (chosen.length < size && left.length > 0) chosen.push(...left.splice(random.below(left.length), 1))
  return chosen
}

/** What was committed last, with the same dependencies. */
function copyCheckout(): string {
  const copy = createFolder('guards')
  const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: root, maxBuffer: 2 ** 30 })
  execFileSync('tar', ['-x', '-C', copy], { input: archive })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** With every guard in place, its test is there and passes. */
async function expectBaseline(chosen: readonly Guard[], copies: string[], faults: Faults): Promise<void> {
  const free = [...copies]
  await inLanes(new Set(chosen.map(({ test }) => test)), lanes, async file => {
    const copy = free.pop() ?? ''
    const names = chosen.filter(({ test }) => test === file).map(({ name }) => name)
    const { passed, failed } = await runTests(copy, [file], names)
    for (const name of new Set(names)) {
      const isGood = passed.some(each => each.startsWith(name)) && !failed.some(each => each.startsWith(name))
      faults.expect(isGood, `${file}, «${name}»: does not pass with every guard in place`)
    }
    free.push(copy)
  })
}

/** Why the missing guard went unnoticed; nothing if it did not. */
async function tryWithout({ file, guard, without, test, name }: Guard, copy: string): Promise<string | undefined> {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  const found = source.split(guard).length - 1
  if (found !== 1) return `its text is there ${found} times: the table is out of date`
  writeFileSync(
    path,
    source.replace(guard, () => without)
  )
  try {
    const { passed, failed } = await runTests(copy, [test, journey.test], [name, journey.name])
    if (!failed.some(each => each.startsWith(name))) return `«${name}» does not fail without it`
    // A test that fails badly ends its process, and the journey with it.
    const walks = async () => (await runTests(copy, [journey.test], [journey.name])).passed.length > 0
    const isWalked = passed.some(each => each.startsWith(journey.name)) || (await walks())
    return isWalked ? undefined : 'nothing works without it: its test fails for that'
  } finally {
    writeFileSync(path, source)
  }
}

/** Runs the tests of those files whose names begin so, in one process. */
async function runTests(
  copy: string,
  files: string[],
  names: string[]
): Promise<{ passed: string[]; failed: string[] }> {
  const pattern = names.map(name => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  const { MONGODB_URI: _, ...environment } = process.env
  const program = files.map(file => `await import('./${file}')`).join('\n')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: copy,
    env: { ...environment, TAP_GREP: `^(?:${pattern})`, TAP_TIMEOUT: '90' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patienceMs,
    killSignal: 'SIGKILL'
  })
  const ended = cleanAtExit(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  await once(child, 'close')
  ended()
  // Only what stands at the start of a line is a test of the file itself; the rest are parts of one.
  const namesIn = (pattern: RegExp) => [...output.matchAll(pattern)].map(([, name = '']) => name)
  const passed = namesIn(/^ok \d+ - (.*?)(?: # time=.*)?$/gm).filter(name => !name.includes(' # SKIP'))
  const begun = namesIn(/^# Subtest: (.*)$/gm)
  return { passed, failed: begun.filter(name => !passed.includes(name)) }
}
