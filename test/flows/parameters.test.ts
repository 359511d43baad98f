import t from 'tap'
import { type Browser, enter, type World } from '../helper.ts'
import { codeOf, type Door, doors, isRefused, ways, withParameters } from './doors.ts'

const long = 'A'.repeat(10_240)

/** Values that may arrive instead of a callback's parameter. */
const forms: Record<string, (callback: string, name: 'state' | 'code') => string> = {
  'left out': (callback, name) => withParameters(callback, { [name]: undefined }),
  empty: (callback, name) => withParameters(callback, { [name]: '' }),
  'without a value': (callback, name) => `${withParameters(callback, { [name]: undefined })}&${name}`,
  'twice the same': (callback, name) =>
    withParameters(callback, { [name]: [textOf(callback, name), textOf(callback, name)] }),
  'right and wrong': (callback, name) => withParameters(callback, { [name]: [textOf(callback, name), 'x'.repeat(43)] }),
  'right and empty': (callback, name) => withParameters(callback, { [name]: [textOf(callback, name), ''] }),
  'a list': (callback, name) => rename(callback, name, `${name}[]`),
  'a numbered list': (callback, name) => rename(callback, name, `${name}[0]`),
  'an object': (callback, name) => rename(callback, name, `${name}[$ne]`),
  'a member': (callback, name) => rename(callback, name, `${name}.value`),
  'in capitals': (callback, name) => rename(callback, name, name.toUpperCase()),
  '10 KB': (callback, name) => withParameters(callback, { [name]: long }),
  '10 KB more': (callback, name) => withParameters(callback, { [name]: textOf(callback, name) + long }),
  'with NUL': (callback, name) => withParameters(callback, { [name]: `${textOf(callback, name)}\0` }),
  'with a line break': (callback, name) => withParameters(callback, { [name]: `${textOf(callback, name)}\r\nx: y` }),
  'with a space': (callback, name) => withParameters(callback, { [name]: `${textOf(callback, name)} ` })
}

/** As a code, these would be text like any other. */
const formsOfState: typeof forms = {
  ...forms,
  'no UTF-8': callback => `${withParameters(callback, { state: undefined })}&state=%c0%af%ff`,
  'a broken escape': callback => `${withParameters(callback, { state: undefined })}&state=%zz%`,
  'with a letter beyond ASCII': callback => withParameters(callback, { state: `${textOf(callback, 'state')}\u00e9` })
}

function textOf(callback: string, name: string): string {
  return new URL(callback, 'http://localhost:3000').searchParams.get(name) ?? ''
}

function rename(callback: string, from: string, to: string): string {
  return withParameters(callback, { [from]: undefined, [to]: textOf(callback, from) })
}

async function visitors(world: World, door: Door): Promise<{ owner: Browser; callback: string; all: Browser[] }> {
  const owner = await door.enter(world)
  return { owner, callback: await owner.authorize(door.start), all: [owner, world.browser()] }
}

for (const door of doors) {
  for (const name of ['state', 'code'] as const) {
    t.test(`[R5] callbacks › a malformed ${name} › refused, and the flow stays usable: ${door.name}`, async t => {
      const world = await enter(t)
      const { google } = world
      const { owner, callback, all } = await visitors(world, door)
      const exchanges = google.calls('token')
      for (const [form, spoil] of Object.entries(name === 'state' ? formsOfState : forms)) {
        for (const visitor of all) {
          for (const way of ways) {
            const response = await visitor[way](spoil(callback, name))
            t.comment(`${form}, ${visitor === owner ? 'with' : 'without'} a session, ${way}`)
            isRefused(t, response, 400, 'invalid_request')
          }
        }
      }
      t.equal(google.calls('token'), exchanges)
      t.equal(codeOf(await owner.fetch(callback)), undefined, 'the right one still succeeds')
      t.equal(google.calls('token'), exchanges + 1)
      t.same(google.violations, [])
    })
  }

  t.test(`[R5] callbacks › neither state nor code › refused: ${door.name}`, async t => {
    const world = await enter(t)
    const { all } = await visitors(world, door)
    const exchanges = world.google.calls('token')
    for (const visitor of all) {
      for (const query of ['', '?', '?state', '?code', '?state=&code=', '?state[]=&code[]=', `?x=${long}`]) {
        for (const way of ways) isRefused(t, await visitor[way](door.callback + query), 400, 'invalid_request')
      }
    }
    t.equal(world.google.calls('token'), exchanges)
  })

  t.test(`[R5] callbacks › a well-formed state that was never issued › flow_unknown: ${door.name}`, async t => {
    const world = await enter(t)
    const { all, callback } = await visitors(world, door)
    const exchanges = world.google.calls('token')
    for (const visitor of all) {
      for (const state of [
        'x',
        'A'.repeat(43),
        textOf(callback, 'state').toLowerCase(),
        textOf(callback, 'state').slice(1)
      ]) {
        for (const way of ways) {
          isRefused(t, await visitor[way](withParameters(callback, { state })), 400, 'flow_unknown')
        }
      }
    }
    t.equal(world.google.calls('token'), exchanges)
  })
}
