import { type Client, createClient } from '../experiments/http-client.ts'
import { createVisitor, type Visitor } from '../experiments/visitor.ts'
import type { Bench } from './row.ts'

let visitors = 0

/** Another user of guichet, signed in, with Gmail connected. */
export async function visit({
  world,
  guichet
}: Pick<Bench, 'world' | 'guichet'>): Promise<{ visitor: Visitor; client: Client; connection: string; email: string }> {
  const number = ++visitors
  const client = createClient(guichet.url, 4)
  const visitor = createVisitor(world.google, number)
  await visitor.signIn(client)
  return { visitor, client, connection: await visitor.connect(client), email: `user${number}@example.com` }
}

/** So many of them, one after the other; their clients are closed. */
export async function visitMany(bench: Pick<Bench, 'world' | 'guichet'>, users: number) {
  const visits: Awaited<ReturnType<typeof visit>>[] = []
  for (let user = 0; user < users; user++) {
    const one = await visit(bench)
    await one.client.close()
    visits.push(one)
  }
  return visits
}

/** The floor works with that connection's token from here on. */
export async function lendToFloor({ world, guichet, floor }: Bench, connection: string): Promise<void> {
  const headers = { ...world.backend, 'content-type': 'application/json' }
  const vended = await fetch(`${guichet.url}/v1/connections/${connection}/token`, { method: 'POST', headers })
  const { access_token: token } = (await vended.json()) as { access_token: string }
  await fetch(`${floor.url}/token`, { method: 'POST', headers, body: JSON.stringify({ token }) })
}
