import { CodedError, GuichetError } from '../../errors.ts'
import { requireResource } from '../../google/resource.ts'
import type { Gmail, MethodOptions, Users } from './client.ts'
import type { GmailMethod } from './costs.ts'
import { createJsonCutter, type JsonCutter } from './json-cutter.ts'

/** Answers larger than this wait for their turn: what a process holds of mail stays bounded however many ask. */
const largeAnswerBytes = 1024 * 1024
const largeAnswersAtOnce = 4
/** An answer up to here has nothing to cut: it holds less than one that is cut may. One that is whole is no larger. */
const smallAnswerBytes = 128 * 1024
/** Answers without mail are never larger. */
const maxBytesWithoutMail = 8 * 1024 * 1024
const holdsMail: ReadonlySet<GmailMethod> = new Set<GmailMethod>([
  'messages.get',
  'messages.attachments.get',
  'drafts.get',
  'threads.get'
])

let largeAnswers = 0
const waiting: (() => void)[] = []

/** Waits for the turn of an answer that has grown large; the function it resolves to ends that turn. */
async function takeTurn(): Promise<() => void> {
  if (largeAnswers >= largeAnswersAtOnce) await new Promise<void>(resolve => waiting.push(resolve))
  else largeAnswers++
  return () => {
    const next = waiting.shift()
    if (next) next()
    else largeAnswers--
  }
}

/**
 * Asks Gmail, and converts its answer, which is read while it arrives and cut to what a mail may hold.
 * @throws GuichetError of the call, or `google_invalid_response` where the answer is no whole resource
 */
export async function ask<T extends object, R>(
  gmail: Gmail,
  method: GmailMethod,
  send: (users: Users, options: MethodOptions) => Promise<{ data: unknown }>,
  use: (answer: T) => R | Promise<R>,
  { signal }: { signal?: AbortSignal | undefined } = {}
): Promise<R> {
  const body = await gmail.call(method, send, { stream: true, ...(signal && { signal }) })
  const whole = await body.whole()
  if (whole) return use(parse<T>(whole.toString()))
  const small: Uint8Array[] = []
  let cutter: JsonCutter | undefined
  let length = 0
  let release: (() => void) | undefined
  try {
    for await (const chunk of body) {
      length += chunk.length
      small.push(chunk)
      if (length <= smallAnswerBytes) continue
      cutter ??= createJsonCutter()
      for (const arrived of small.splice(0)) cutter.write(arrived)
      if (length > maxBytesWithoutMail && !holdsMail.has(method))
        throw new GuichetError('google_invalid_response', { cause: new CodedError('answer_too_large') })
      if (length > largeAnswerBytes) release ??= await takeTurn()
    }
    return await use(parse<T>(cutter ? cutter.end() : Buffer.concat(small).toString()))
  } finally {
    release?.()
  }
}

/** A number here is beyond what JavaScript counts to: its digits are kept as the text that Google documents. */
const bareHistoryId = /"historyId"(\s*:\s*)(\d+)/g

function parse<T extends object>(text: string): T {
  let value: unknown
  try {
    value = JSON.parse(text.replace(bareHistoryId, '"historyId"$1"$2"'))
  } catch {
    // Its message quotes the mail.
    throw new GuichetError('google_invalid_response', { cause: new CodedError('no_json') })
  }
  requireResource(value)
  return value as T
}
