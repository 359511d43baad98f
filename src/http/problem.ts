import { isDatabaseUnavailable } from '../database/errors.ts'
import { type ErrorCode, GuichetError } from '../errors.ts'

/** The body of every error answer: RFC 9457, with `code` for programs. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: ErrorCode
  requestId: string
  errors?: { pointer: string; message: string }[]
  connectUrl?: string
  reason?: string
  missingScopes?: string[]
  retryAfterSeconds?: number
}

/** Fastify's own refusals, as guichet's codes. */
const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  // Not Google's: every call to Google, and every wait for a token, ends within the time that its request has left.
  FST_ERR_HANDLER_TIMEOUT: 'handler_timeout',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_ROUTE_NOT_FOUND: 'not_found',
  FST_ERR_NOT_FOUND: 'not_found'
}

interface Issue {
  instancePath?: string
  message?: string
  /** zod's code of the issue. */
  keyword?: string
  params?: { issues?: Nested[]; errors?: Nested[][] }
}

/** The issues inside a zod issue: of an invalid key, or of each shape that a value may have. */
interface Nested {
  code: string
  message: string
  path: PropertyKey[]
}

interface FastifyFailure {
  code?: string
  statusCode?: number
  validation?: Issue[]
  validationContext?: string
}

/** Any thrown value as an error of the catalogue; what is not foreseen is `internal`, a bug. */
export function toGuichetError(error: unknown): GuichetError {
  if (error instanceof GuichetError) return error
  if (isDatabaseUnavailable(error)) return new GuichetError('database_unavailable', { cause: error })
  const { code, statusCode, validation, validationContext } = (error ?? {}) as FastifyFailure
  // A parameter past its length is part of the path.
  if (validationContext === 'params' && validation?.some(({ keyword }) => keyword === 'too_big'))
    return new GuichetError('uri_too_long')
  if (validation) return new GuichetError('invalid_request', { errors: toFieldErrors(validation, validationContext) })
  const known = fastifyCodes[code ?? '']
  if (known) return new GuichetError(known, { cause: error })
  if (statusCode === 429) return new GuichetError('rate_limited', { cause: error })
  if (statusCode === 413) return new GuichetError('payload_too_large', { cause: error })
  if (statusCode === 415) return new GuichetError('unsupported_media_type', { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new GuichetError('invalid_request', { cause: error })
  return new GuichetError('internal', { cause: error })
}

/** JSON pointer and message of each fault; never the value that was received. */
function toFieldErrors(issues: Issue[], context = 'request'): { pointer: string; message: string }[] {
  return issues
    .flatMap(({ instancePath = '', message = 'is not valid', keyword = '', params = {} }) => {
      // Of the body itself the path is empty.
      const at = instancePath === '/' ? '' : instancePath
      const [inKey] = params.issues ?? []
      const within = closestShape(params.errors)
      if (!within) return { at, keyword, message: inKey?.message ?? message }
      return within.map(({ path, code, message }) => ({
        at: [at, ...path.map(String)].join('/'),
        keyword: code,
        message
      }))
    })
    .slice(0, 20)
    .map(({ at, keyword, message }) => ({
      pointer: `/${context}${at}`.slice(0, 200),
      // Its wording quotes the keys, which the sender chose.
      message: keyword === 'unrecognized_keys' ? 'holds a member that is not known here' : message
    }))
}

/** Of the shapes that a value may have, the one with the fewest faults; undefined if its type fits none of them. */
function closestShape(shapes: Nested[][] = []): Nested[] | undefined {
  const near = shapes.filter(faults => faults.some(({ path }) => path.length > 0))
  return near.sort((one, other) => one.length - other.length)[0]
}

/** Answers that ask to come back later say when: some seconds, spread out so that not all come at once. */
function retryAfter(error: GuichetError): number | undefined {
  if (error.details.retryAfterSeconds !== undefined) return Math.max(1, Math.ceil(error.details.retryAfterSeconds))
  return error.status === 503 || error.status === 429 ? 1 + Math.floor(Math.random() * 5) : undefined
}

/** The answer to an error: its problem, and Retry-After where that helps. A 5xx never says more than its fixed text. */
export function toProblem(error: GuichetError, request: { id: string; url: string }): Problem {
  const { errors, connectUrl, reason, missingScopes } = error.details
  const retryAfterSeconds = retryAfter(error)
  return {
    type: `urn:guichet:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.status >= 500 ? error.title : error.message,
    // The path alone: a query may hold a code or a state.
    instance: request.url.split('?', 1)[0] ?? '/',
    code: error.code,
    requestId: request.id,
    ...(errors && { errors }),
    ...(connectUrl && { connectUrl }),
    ...(reason && { reason }),
    ...(missingScopes && { missingScopes }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds })
  }
}
