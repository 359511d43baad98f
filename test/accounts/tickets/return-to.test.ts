import t from 'tap'
import { type Backend, createBackend } from '../../backend/backend.ts'
import { build, localPath, type World } from '../../helper.ts'
import { allowed, environment, originOf, ours, payloads } from '../../http/redirect-payloads.ts'
import { createHostApp, type HostApp } from './ticket.ts'

interface Door {
  world: World
  backend: Backend
  host: HostApp
}

/** The faults of a ticket with this returnTo, if any: either refused, or followed to both ends. */
async function faultOf({ world, backend, host }: Door, returnTo: string): Promise<string | undefined> {
  for (const service of [undefined, 'gmail']) {
    const body = { externalId: 'u-17', returnTo, ...(service && { service }) }
    const made = await backend.fetch('/v1/tickets', 'POST', body)
    if (made.statusCode === 400 && made.json().code === 'invalid_request') continue
    if (made.statusCode !== 201) return `the ticket answered ${made.statusCode}`
    if (!ours.includes(originOf(returnTo))) return 'another site was taken'
    const guest = world.browser()
    const link = localPath(made.json<{ url: string }>().url)
    const page = await guest.navigate(link)
    if (page.statusCode !== 200) return `the page answered ${page.statusCode}`
    if (!/form-action 'self';/.test(String(page.headers['content-security-policy']))) return 'the form may lead away'
    const pressed = await host.press(guest, link)
    if (pressed.statusCode !== 200) return `the button answered ${pressed.statusCode}`
    let location = pressed.goesTo
    if (service) {
      const denied = world.google.consent(String(location), { deny: 'access_denied' })
      const landed = await guest.navigate(localPath(denied))
      if (landed.statusCode !== 303) return `ended: ${landed.statusCode}`
      location = landed.headers.location
    }
    if (/[^\x21-\x7e]/.test(location ?? '')) return 'characters in Location that browsers treat each in its way'
    if (!ours.includes(originOf(location))) return `ended at ${location}`
  }
  return undefined
}

async function enter(t: Parameters<typeof build>[0]): Promise<Door> {
  const world = await build(t, { environment })
  return { world, backend: await createBackend(world.app), host: await createHostApp(world) }
}

t.test('[R19] ticket › returnTo › no payload leads to another site', async t => {
  const door = await enter(t)
  const faults: string[] = []
  for (const payload of payloads) {
    const fault = await faultOf(door, payload)
    if (fault) faults.push(`${JSON.stringify(payload)}: ${fault}`)
  }
  t.same(faults, [])
  t.same(door.world.google.violations, [])
})

t.test('[R19] ticket › returnTo › local paths and listed origins are accepted, and reached', async t => {
  const door = await enter(t)
  const { world, host } = door
  for (const [returnTo, end] of Object.entries(allowed)) {
    t.equal(await faultOf(door, returnTo), undefined)
    const guest = world.browser()
    const pressed = await host.press(guest, await host.ticket({ externalId: 'u-17', service: 'gmail', returnTo }))
    const denied = world.google.consent(String(pressed.goesTo), { deny: 'access_denied' })
    t.equal((await guest.navigate(localPath(denied))).headers.location, end, returnTo)
  }
  t.same(world.google.violations, [])
})
