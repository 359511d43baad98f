import type { createCaller } from './retry.ts'

export interface TokenOptions {
  /** How long it must live at least; at most 3000, default 60. */
  minTtlSeconds?: number
  /** Ask guichet even if a token is cached: after Google refused it. */
  fresh?: boolean
}

interface Kept {
  token: string
  endsAtMs: number
}

const maxKept = 10_000
const leastSeconds = 60

/** Access tokens, cached while they are valid and fetched once for all callers that wait. */
export function createTokens(call: ReturnType<typeof createCaller>, nowMs: () => number) {
  const kept = new Map<string, Kept>()
  const asked = new Map<string, Promise<Kept>>()

  async function ask(connectionId: string, minTtlSeconds: number): Promise<Kept> {
    const askedAtMs = nowMs()
    const answer = await call<{ access_token: string; expires_in: number }>({
      method: 'POST',
      path: `connections/${encodeURIComponent(connectionId)}/token`,
      body: { minTtlSeconds }
    })
    const token = { token: answer.access_token, endsAtMs: askedAtMs + answer.expires_in * 1000 }
    // The oldest goes first: at worst it is asked for once more.
    kept.delete(connectionId)
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value ?? '')
    kept.set(connectionId, token)
    return token
  }

  return {
    async get(
      connectionId: string,
      { minTtlSeconds = leastSeconds, fresh = false }: TokenOptions = {}
    ): Promise<string> {
      const found = fresh ? undefined : kept.get(connectionId)
      if (found && found.endsAtMs - nowMs() > Math.max(leastSeconds, minTtlSeconds) * 1000) return found.token
      // A caller that needs a longer life than the running call asked for cannot share it.
      const name = `${connectionId} ${minTtlSeconds}`
      let answer = asked.get(name)
      if (!answer) {
        kept.delete(connectionId)
        answer = ask(connectionId, minTtlSeconds).finally(() => asked.delete(name))
        asked.set(name, answer)
      }
      return (await answer).token
    },
    forget: (connectionId: string) => kept.delete(connectionId)
  }
}
