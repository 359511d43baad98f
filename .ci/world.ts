import { delimiter, dirname } from 'node:path'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { type FakeGoogle, startFakeGoogle } from '@guichet/fake-google'
import { findFreePort } from '@guichet/fake-google/free-port'
import type { Test } from 'tap'

/** The Node that runs this one comes first, whatever the machine has. */
export const path = [dirname(process.execPath), process.env.PATH].join(delimiter)

/** What a guichet process of its own needs around it: a database, a Google and a free port; all end with the test. */
export async function startSurroundings(t: Pick<Test, 'teardown'>) {
  const [mongo, google, port] = await Promise.all([startEmbeddedMongo(), startFakeGoogle(), findFreePort()])
  t.teardown(async () => {
    await google.close()
    await mongo.close()
  })
  const publicUrl = `http://localhost:${port}`
  for (const name of ['auth/google', 'connect/gmail']) google.redirectUris.add(`${publicUrl}/${name}/callback`)
  const environment = {
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    MONGODB_URI: mongo.uri,
    GOOGLE_CLIENT_ID: google.clientId,
    GOOGLE_CLIENT_SECRET: google.clientSecret,
    GOOGLE_ISSUER: google.issuer,
    GOOGLE_API_URL: google.issuer
  }
  return { google, publicUrl, environment }
}

type Headers = Record<string, string>

/** Signs in and connects Gmail over real sockets; gives the connection's id, and the headers that open it. */
export async function connectGmail(google: FakeGoogle, publicUrl: string): Promise<{ id: string; headers: Headers }> {
  const { headers } = await goThrough(google, `${publicUrl}/auth/google`, {})
  const { answer } = await goThrough(google, `${publicUrl}/connect/gmail`, headers)
  const { connection } = answer as { connection: { id: string } }
  return { id: connection.id, headers }
}

/** Opens a ticket's link, presses its button, consents at Google and comes back. */
export async function followTicket(google: FakeGoogle, link: string): Promise<void> {
  const pressed = await pressTicket(link)
  const finished = await fetch(google.consent(pressed.headers.get('location') ?? ''), { headers: toCookie(pressed) })
  if (finished.status !== 200) throw new Error(`its callback answered ${finished.status}`)
}

/** The same as a browser does it, through the consent page of a fake Google in another process, as its first user. */
export async function followTicketByHand(link: string): Promise<{ headers: Headers; location: string }> {
  const pressed = await pressTicket(link)
  const asked = new URL(pressed.headers.get('location') ?? '')
  const page = await (await fetch(asked)).text()
  const [, as = ''] = /name="as" value="([^"]+)"/.exec(page) ?? []
  const body = new URLSearchParams({ request: asked.search.slice(1), as })
  for (const [, scope = ''] of page.matchAll(/name="grant" value="([^"]+)"/g)) body.append('grant', scope)
  const consented = await fetch(asked.origin + asked.pathname, { method: 'POST', body, redirect: 'manual' })
  const headers = { ...toCookie(pressed), accept: 'text/html' }
  const finished = await fetch(consented.headers.get('location') ?? '', { headers, redirect: 'manual' })
  if (finished.status !== 303) throw new Error(`its callback answered ${finished.status}`)
  return { headers: toCookie(pressed), location: finished.headers.get('location') ?? '' }
}

async function pressTicket(link: string): Promise<Response> {
  const shown = await fetch(link)
  const [, ticket = ''] = /name="ticket" value="([^"]+)"/.exec(await shown.text()) ?? []
  const pressed = await fetch(new URL('/start', link), {
    method: 'POST',
    body: new URLSearchParams({ ticket }),
    redirect: 'manual'
  })
  if (pressed.status !== 303) throw new Error(`the button answered ${pressed.status}`)
  return pressed
}

/** Starts a flow, consents at Google and comes back; throws where anything but 200 is answered. */
async function goThrough(google: FakeGoogle, url: string, headers: Headers) {
  const started = await fetch(url, { headers })
  if (started.status !== 200) throw new Error(`${url} answered ${started.status}`)
  const kept = { ...headers, ...toCookie(started) }
  const finished = await fetch(google.consent(((await started.json()) as { url: string }).url), { headers: kept })
  if (finished.status !== 200) throw new Error(`its callback answered ${finished.status}`)
  return { headers: { ...kept, ...toCookie(finished) }, answer: await finished.json() }
}

function toCookie(response: Response): Headers {
  const cookies = response.headers.getSetCookie().map(line => line.split(';', 1)[0])
  return cookies.length > 0 ? { cookie: cookies.join('; ') } : {}
}
