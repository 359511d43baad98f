import type { MessageView } from '../src/services/gmail/views.ts'
import { differences } from './corpora/compare.ts'
import { reasons } from './corpora/reasons.ts'
import { type Converted, convert, corpora } from './corpora/sources.ts'
import { createFaults, type Figure, type Task } from './figure.ts'
import { createFolder } from './leftovers.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const modes = ['utf8', 'declared'] as const
const leastEqual = 0.98

/** Mails that nobody here wrote, through another's converter into Gmail's resources: read as another's parser reads them. */
export const corporaFigure: Figure = {
  name: 'corpora',
  title: 'Mail of others',
  bar: 'every mail is answered, and at least 98 % of the views say of text, html, files, subject and sender what Python’s email package says',
  unit: 'mails of each corpus at most',
  full: 1000,
  small: 25,
  // Far more mails in a minute than Google gives one user.
  run: task =>
    inWorld(world => run(world, task), { GMAIL_UNITS_PER_USER: '10000000', GMAIL_UNITS_PER_PROJECT: '100000000' })
}

async function run(world: World, { size, progress }: Task) {
  const faults = createFaults()
  Object.assign(world.google.usage.limits, { unitsPerUser: 10_000_000, unitsPerProject: 100_000_000 })
  const folder = createFolder('corpora')
  const server = await world.start()
  const visitor = createVisitor(world.google, 1)
  await visitor.signIn(server)
  const connection = await visitor.connect(server)
  const lines: string[] = []
  const tally = { views: 0, equal: 0 }
  const differing: string[] = []

  for (const corpus of corpora) {
    const files = await corpus.fetch(folder).catch((error: Error & { code?: string }) => {
      lines.push(
        `${corpus.name}: left out, ${error.code === 'ENOENT' ? 'its tool is not installed' : 'it could not be fetched'}`
      )
      return []
    })
    if (files.length === 0) continue
    const mails = await convert(files.slice(0, size)).catch(() => [])
    const before = { ...tally }
    for (const [at, mail] of mails.entries()) {
      if (at % 50 === 0) progress(`${corpus.name}: ${at} of ${mails.length}`)
      for (const mode of modes) {
        const view = await read(world, server, connection, mail, mode)
        if (typeof view === 'string') {
          faults.add(`${shortName(mail)}, ${mode}: ${view}`)
          continue
        }
        tally.views += 1
        const different = differences(view, mail.expected)
        if (different.length === 0) tally.equal += 1
        else
          differing.push(
            `${shortName(mail)} (${mode}): ${different.join(', ')}; ${reasons[shortName(mail)] ?? 'not looked at'}`
          )
      }
    }
    const [views, equal] = [tally.views - before.views, tally.equal - before.equal]
    lines.push(`${corpus.name}: ${mails.length} mails, ${views} views, ${equal} equal (${percent(equal, views)})`)
  }
  faults.expect(tally.views > 0, 'no corpus could be fetched')
  faults.expect(tally.equal >= tally.views * leastEqual, `${percent(tally.equal, tally.views)} of the views are equal`)
  lines.push(
    `${tally.views} views of both charset modes, ${tally.equal} equal (${percent(tally.equal, tally.views)}); the others:`
  )
  return { lines: [...lines, ...differing], faults: faults.found }
}

async function read(
  { google, backend }: World,
  server: ServerProcess,
  connection: string,
  mail: Converted,
  mode: (typeof modes)[number]
): Promise<MessageView | string> {
  if (mail.failed) return 'Python cannot read it'
  const { id } = google.user('user1@example.com').gmail.receive({ payload: mail[mode] })
  const path = `/v1/connections/${connection}/gmail/messages/${id}`
  const answer = await server.request(path, { headers: backend })
  if (answer.status !== 200) return `answered ${answer.status} ${String(answer.body.code)}`
  return answer.body as MessageView
}

const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`
const shortName = ({ name }: Converted) => name.split('/').slice(-2).join('/')
