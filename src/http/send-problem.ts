import type { FastifyReply, FastifyRequest } from 'fastify'
import { toGuichetError, toProblem } from './problem.ts'

/** Answers any error in the one shape that errors have here, and logs it. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(toGuichetError(error), request)
  if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, 'answered with a server error')
  else request.log.info({ err: error, code: problem.code }, 'refused')
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  if (problem.code === 'backend_key_invalid') reply.header('www-authenticate', 'Bearer realm="guichet"')
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problem)
}
