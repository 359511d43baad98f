import { Pool } from 'undici'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The body's members, whichever of them are there. */
  body: Record<string, unknown>
}

export interface Asking {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  headers?: Record<string, string>
  body?: object
}

/** A client of one origin, over sockets that stay open. It repeats nothing by itself. */
export interface Client {
  request(path: string, asking?: Asking): Promise<Answer>
  close(): Promise<void>
}

export function createClient(origin: string, connections: number): Client {
  const pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 })
  return {
    async request(path, { method = 'GET', headers = {}, body } = {}) {
      const response = await pool.request({
        path,
        method,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) })
      })
      const text = await response.body.text()
      const json = String(response.headers['content-type']).includes('json')
      return { status: response.statusCode, headers: response.headers, text, body: json ? JSON.parse(text) : {} }
    },
    close: () => pool.destroy()
  }
}
