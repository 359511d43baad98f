import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Upload } from './gmail/outgoing-mail.ts'

export type Endpoint =
  | 'discovery'
  | 'jwks'
  | 'authorization'
  | 'token'
  | 'revoke'
  | 'userinfo'
  | 'gmail'
  | 'calendar'
  | 'controls'
  /** Any path Google does not serve: a test expects none. */
  | 'unknown'

/** One request as it arrived. `query` is the raw text after `?`; `complete` turns true when the body has been read. */
export interface RecordedRequest {
  endpoint: Endpoint
  method: string
  path: string
  query: string
  headers: IncomingHttpHeaders
  body: string
  atMs: number
  complete: boolean
  /** How much of a large answer was read so far, before base64's and the socket's own buffers: a reader who stops holds it. */
  answeredBytes: number
  /** The client went away before the answer was over. */
  isCut: boolean
  /** Of Gmail's API: the method in Google's words, such as `drafts.send`. */
  gmailMethod?: string
  /** What came under /upload: then `body` is empty. */
  upload?: Upload
}

export interface Reply {
  status: number
  headers: Record<string, string>
  body: string
  /** In place of `body`: written out as it is read. */
  stream?: () => Iterable<Buffer>
}

/** A JSON answer; never cacheable unless the caller says so. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value)
  }
}

export function html(status: number, body: string): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Fake Google</title>${body}</html>`
  }
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

/** Reads the whole body as latin1-safe UTF-8 text; rejects when the client goes away first. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * Parses form or query text where every parameter must be known, have a value and occur once (RFC 6749, 3.1 and 3.2).
 * Throws an Error that names the parameter, never its value.
 */
export function readParameters(text: string, known: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) throw new Error(`unknown parameter: ${name}`)
    // A parameter without a value counts as left out (RFC 6749, 3.1): no reason to send it.
    if (value === '') throw new Error(`empty parameter: ${name}`)
    if (parameters.has(name)) throw new Error(`repeated parameter: ${name}`)
    parameters.set(name, value)
  }
  return parameters
}

export function isForm(request: RecordedRequest): boolean {
  return /^application\/x-www-form-urlencoded(\s*;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? '')
}
