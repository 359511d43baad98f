import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

export interface StreamedEvent {
  id: string
  data: { id: string; type: string; data: { messageId?: string } }
}

/** A reader of a stream, over a real socket. */
export interface EventSource {
  status: number
  headers: Headers
  /** The next event; undefined where the stream has ended. */
  next(): Promise<StreamedEvent | undefined>
  /** Disconnects. */
  close(): void
}

/** Opens the URL at the app, which listens first if it does not yet. */
export async function openStream(
  t: Test,
  app: FastifyInstance,
  url: string,
  headers: Record<string, string>
): Promise<EventSource> {
  if (!app.server.listening) await app.listen({ port: 0 })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('the app does not listen')
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  const response = await fetch(`http://127.0.0.1:${address.port}${url}`, { headers, signal: leaving.signal })
  const frames = framesOf(response)
  return {
    status: response.status,
    headers: response.headers,
    async next() {
      for await (const frame of frames) {
        const id = /^id: (.*)$/m.exec(frame)?.[1]
        const data = /^data: (.*)$/m.exec(frame)?.[1]
        if (id !== undefined && data !== undefined) return { id, data: JSON.parse(data) }
      }
      return undefined
    },
    close: () => leaving.abort()
  }
}

/** The text between empty lines, one block at a time. */
function framesOf({ body }: Response): AsyncIterable<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  async function next(): Promise<IteratorResult<string>> {
    for (;;) {
      const end = rest.indexOf('\n\n')
      if (end >= 0) {
        const value = rest.slice(0, end)
        rest = rest.slice(end + 2)
        return { done: false, value }
      }
      const chunk = await reader?.read().catch(() => undefined)
      if (!chunk || chunk.done) return { done: true, value: undefined }
      rest += chunk.value
    }
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}
