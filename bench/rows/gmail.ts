import { compare } from '../compare.ts'
import type { Bench, Finding, Row } from '../row.ts'
import { lendToFloor, visit } from '../visit.ts'

const mails = 25
const mailBytes = 100_000

export const list: Row = {
  name: 'list',
  title: `Gmail: a list of ${mails} with view=summary`,
  run: bench =>
    read(bench, { bodyBytes: 2_000, path: `messages?view=summary&limit=${mails}`, expected: '"nextPageToken"' })
}

export const message: Row = {
  name: 'message',
  title: 'Gmail: one message of 100 kB with view=full',
  run: bench => read(bench, { bodyBytes: mailBytes, path: 'messages/FIRST', expected: '"subject":"Bench"' })
}

/** The floor fetches, in the same order, what guichet was seen to fetch. */
async function read(bench: Bench, wanted: { bodyBytes: number; path: string; expected: string }): Promise<Finding> {
  const { world, guichet, floor } = bench
  const { client, connection, email } = await visit(bench)
  const line = 'A line of a mail as people write them, with a few words in it.\n'
  const body = line.repeat(Math.ceil(wanted.bodyBytes / line.length))
  const count = wanted.path.includes('limit') ? mails : 1
  const ids = Array.from(
    { length: count },
    () => world.google.gmail(email).receive({ from: 'a@example.org', subject: 'Bench', body }).id
  )
  const path = `/v1/connections/${connection}/gmail/${wanted.path.replace('FIRST', ids[0] ?? '')}`
  // The first call may ask for more than the later ones, such as the names of labels.
  await client.request(path, { headers: world.backend })
  const before = world.google.requestsTo('gmail').length
  await client.request(path, { headers: world.backend })
  await client.close()
  await lendToFloor(bench, connection)
  const fetched = world.google.requestsTo('gmail').slice(before)
  const urls = JSON.stringify(fetched.map(one => one.path + (one.query && `?${one.query.replace(/^\?/, '')}`)))
  const headers = { 'content-type': 'application/json' }

  const finding = await compare(bench, {
    callers: 1,
    contenders: [
      {
        name: 'guichet',
        server: guichet,
        ask: () => ({ path, headers: world.backend }),
        isRight: ({ status, text }) =>
          status === 200 && text.includes(wanted.expected) && ids.every(id => text.includes(id))
      },
      {
        name: 'floor',
        server: floor,
        ask: () => ({ path: '/fetch', method: 'POST', headers, body: urls }),
        isRight: ({ status, text }) => status === 200 && ids.every(id => text.includes(id))
      }
    ],
    bars: [
      { to: 'floor', figure: 'cpuUs', atMost: 1.5 },
      { to: 'floor', figure: 'p50Ms', atMost: 1.2 }
    ]
  })
  return { ...finding, notes: [`Calls to Google a request: ${fetched.length}, in both.`] }
}
