import t from 'tap'
import { tellInProcesses, type Vended } from './replicas.ts'

const replicas = 3
const callers = 200
const rounds = 3

t.test(`[R64] [F28] storm › ${callers} callers at each of ${replicas} processes › one refresh a round`, async t => {
  const { google, connection, start, vendAt, expireStored, refreshes, stored } = await tellInProcesses(t)
  const servers = await Promise.all(Array.from({ length: replicas }, () => start()))
  for (let round = 1; round <= rounds; round++) {
    await expireStored()
    // Google answers once callers wait at every process.
    const { release } = google.fault('token', { hang: true })
    const arrived = google.arrival('token')
    const storm = Promise.all(Array.from({ length: callers }, () => servers.map(server => vendAt(server))).flat())
    await arrived
    for (const server of servers) await fetch(new URL('/livez', server.url))
    release()
    const answers: Vended[] = await storm
    t.equal(answers.filter(({ status }) => status === 200).length, replicas * callers)
    const tokens = new Set(answers.map(({ body }) => body.access_token))
    t.equal(tokens.size, 1, 'the same token for all')
    const [token = ''] = tokens
    t.equal(google.ledger.canOpen(token), connection.account.sub)
    t.equal(refreshes(), round)
    t.equal((await stored()).lease, null)
  }
  t.same(google.violations, [])
})
