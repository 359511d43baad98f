import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'

const web = join(import.meta.dirname, '../../web')
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8'
}

/** A file that is sent as it is; its hash names this content for good. */
export interface Asset {
  content: string
  type: string
  /** 16 hexadecimal digits of its SHA-256. */
  hash: string
}

/** A file of web/. */
export function readAsset(file: string): Asset {
  return joinAssets([file])
}

/** Files of web/ in one, and `more` behind them. */
export function joinAssets(files: readonly string[], more = ''): Asset {
  const content = files.map(file => readFileSync(join(web, file), 'utf8')).join('\n') + more
  return toAsset(content, types[extname(files[0] ?? '')] ?? 'application/octet-stream')
}

/** A document that is made once and stays as it is. */
export function toAsset(content: string, type: string): Asset {
  return { content, type, hash: createHash('sha256').update(content).digest('hex').slice(0, 16) }
}

/** Sends it, or 304 to those who have it. Without `cacheControl` they ask each time. */
export function sendAsset(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { content, type, hash }: Asset,
  cacheControl = 'no-cache'
): FastifyReply {
  const etag = `"${hash}"`
  reply.header('cache-control', cacheControl).header('etag', etag)
  // RFC 9110, section 13.1.2: compared weakly, and a proxy that compresses makes a weak one of ours.
  const held = headers['if-none-match']?.split(',').map(one => one.trim().replace(/^W\//, ''))
  if (held?.some(one => one === etag || one === '*')) return reply.code(304).send()
  return reply.type(type).send(content)
}
