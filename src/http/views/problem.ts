import { z } from 'zod'

export const ProblemView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().describe('What programs branch on.'),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
    connectUrl: z.string().optional(),
    reason: z.string().optional(),
    missingScopes: z.array(z.string()).optional(),
    retryAfterSeconds: z.number().int().optional()
  })
  .meta({ id: 'Problem' })

/** For every route's `response`: any error is a problem. */
export const problemResponses = { '4xx': ProblemView, '5xx': ProblemView }
