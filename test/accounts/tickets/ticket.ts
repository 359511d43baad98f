import type { LightMyRequestResponse } from 'fastify'
import { createBackend } from '../../backend/backend.ts'
import type { Browser, World } from '../../helper.ts'
import { localPath } from '../../helper.ts'

const form = 'application/x-www-form-urlencoded'

/** A host app that makes tickets, and its users who follow them. */
export interface HostApp {
  /** Gives the path of the link. */
  ticket(body: object): Promise<string>
  /** Presses the page's button, as a browser sends its form; `fields` are more of the form's. */
  press(at: Browser, link: string, headers?: Record<string, string>, fields?: string): Promise<Pressed>
}

/** After the form comes a page that leads on by itself. */
export type Pressed = LightMyRequestResponse & { goesTo: string | undefined }

/** The URL that a page leads on to by itself. */
function readRefresh({ body }: LightMyRequestResponse): string | undefined {
  const [, url] = /<meta http-equiv="refresh" content="0;url=([^"]*)">/.exec(body) ?? []
  return url?.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
}

export async function createHostApp({ app, config }: World, name = 'Post Office'): Promise<HostApp> {
  const backend = await createBackend(app, { name })
  return {
    async ticket(body) {
      const created = await backend.fetch('/v1/tickets', 'POST', body)
      if (created.statusCode !== 201) throw new Error(`the ticket answered ${created.statusCode} ${created.body}`)
      return localPath(created.json<{ url: string }>().url)
    },
    async press(at, link, headers = {}, fields = '') {
      const response = await at.request({
        method: 'POST',
        url: '/start',
        headers: {
          'content-type': form,
          accept: 'text/html',
          origin: config.publicUrl.origin,
          'sec-fetch-site': 'same-origin',
          'sec-fetch-mode': 'navigate',
          ...headers
        },
        payload: link.slice(link.indexOf('?') + 1) + fields
      })
      return Object.assign(response, { goesTo: readRefresh(response) })
    }
  }
}
