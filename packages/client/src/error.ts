/** guichet's error answer (RFC 9457), as far as clients use it. */
export interface Problem {
  /** What programs branch on: guichet's codes, and `offline` and `invalid_answer`, which are the client's own. */
  code: string
  status?: number
  title?: string
  detail?: string
  requestId?: string
  /** Where the user repairs the connection. */
  connectUrl?: string
  reason?: string
  missingScopes?: string[]
  retryAfterSeconds?: number
  errors?: { pointer: string; message: string }[]
}

/** The error of both clients; `code` says which one it is. */
export class GuichetError extends Error {
  readonly code: string
  readonly problem: Problem

  constructor(problem: Problem, cause?: unknown) {
    super(problem.detail ?? problem.title ?? problem.code, cause === undefined ? undefined : { cause })
    this.name = 'GuichetError'
    this.code = problem.code
    this.problem = problem
  }
}

/**
 * The JSON of an answer, or undefined where it has no body.
 * @throws GuichetError the answer's problem; `invalid_answer` for what guichet does not say, such as a proxy's page
 */
export async function readAnswer<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && body !== undefined) return body as T
  const { code } = (body ?? {}) as Partial<Problem>
  throw new GuichetError(code ? (body as Problem) : { code: 'invalid_answer', status: response.status })
}
