import type { ZodError } from 'zod'
import { CodedError } from '../errors.ts'

/** Why an answer cannot be used, as a code: the first field that is wrong, by the name we know it by; never its value. */
export function unusable(error: ZodError): CodedError {
  const [field = 'answer'] = error.issues.flatMap(({ path }) => path.map(String))
  return new CodedError(`unusable_${field}`, error)
}
