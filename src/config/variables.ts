import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { ConfigFault } from './config-error.ts'
import { Environment, isPrintableAscii, secretNames } from './environment.ts'

export type Variables = Record<string, string | undefined>

/** Trimmed around a value, refused inside it because nobody sees them: control and format characters, unusual spaces. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const ownNames = [...Object.keys(Environment.shape), ...secretNames.map(name => `${name}_FILE`)]

/** The variables as they count: trimmed, without empty ones, and with a secret's NAME_FILE read in place of NAME. */
export function readVariables(variables: Variables, faults: ConfigFault[]): Variables {
  const given: Variables = { ...variables }

  function take(name: string, value: string, source = name): void {
    const trimmed = value.trim()
    if (trimmed) given[name] = trimmed
    else delete given[name]
    if (unseen.test(trimmed))
      faults.push({ variable: source, problem: 'holds a character that cannot be seen, such as a line break' })
  }

  for (const name of ownNames) take(name, given[name] ?? '')
  for (const name of secretNames) {
    const variable = `${name}_FILE`
    const file = given[variable]
    if (!file) continue
    if (given[name]) {
      faults.push({ variable: name, problem: `is given twice: here and by ${variable}` })
      continue
    }
    const text = readText(file)
    if (text) take(name, text, variable)
    else faults.push({ variable, problem: 'names a file that is missing, empty or not readable' })
  }
  return given
}

const credential = z.string().trim().min(1).refine(isPrintableAscii)
const CredentialsFile = z.object({ web: z.object({ client_id: credential, client_secret: credential }) })

/** The OAuth client of Google's console, where its file is given. */
export function readCredentialsFile(given: Variables, faults: ConfigFault[]) {
  const variable = 'GOOGLE_CREDENTIALS_FILE'
  const file = given[variable]
  if (!file) return undefined
  const fault = (problem: string) => void faults.push({ variable, problem })
  if (given.GOOGLE_CLIENT_ID || given.GOOGLE_CLIENT_SECRET)
    return fault('contradicts GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET: give one of the two ways')
  const text = readText(file)
  if (!text) return fault('names a file that is missing, empty or not readable')
  try {
    return CredentialsFile.parse(JSON.parse(text)).web
  } catch {
    return fault("is not the JSON that Google's console hands out for a web application (web.client_id)")
  }
}

/** Without the byte order mark that editors leave; undefined for a blank file. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
