import { CommandFailure } from '../toolbox.ts'
import { type Examined, examine } from './doctor.ts'

const signs = { ok: '✓', warning: '!', fault: '✗', 'not checked': '·' }
const colours = { ok: 32, warning: 33, fault: 31, 'not checked': 90 }

/** Prints the findings, and how to fix them. @throws CommandFailure if anything is at fault */
export async function runDoctor(
  environment: NodeJS.ProcessEnv,
  { json }: { json: boolean },
  { out, colour }: { out(text: string): void; colour: boolean }
): Promise<void> {
  const findings = await examine(environment)
  if (json) out(JSON.stringify(findings))
  else for (const line of toLines(findings, colour)) out(line)
  const faults = findings.filter(({ state }) => state === 'fault').length
  if (faults > 0) throw new CommandFailure(`${faults} of ${findings.length} findings are faults`)
}

function toLines(findings: Examined[], colour: boolean): string[] {
  const painted = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
  return findings.flatMap(({ check, state, found, remedy }) => [
    `${painted(colours[state], signs[state])} ${check}: ${found}`,
    ...(remedy === undefined ? [] : [`    ${remedy}`])
  ])
}
