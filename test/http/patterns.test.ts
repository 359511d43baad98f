import t from 'tap'
import { Environment } from '../../src/config/environment.ts'
import { rateLimitKey } from '../../src/http/rate-limit-key.ts'
import { isAllowedReturn } from '../../src/http/return-to.ts'
import { enter } from '../helper.ts'
import { createKey, operationsOf, toRequest } from './operations.ts'

const size = 50_000
const evil = [
  'a',
  '/',
  '%2f',
  '.',
  '@',
  'a@',
  ' ',
  '\t',
  '!',
  '-',
  '_',
  '0',
  'é',
  'a,',
  ':',
  '::',
  '\\',
  '[',
  '("',
  'http://',
  'a.a.',
  '=',
  '\u2028'
]
const strings = evil.flatMap(unit => {
  const long = unit.repeat(Math.ceil(size / unit.length))
  return [long, `${long}!`, `${long}\n`, `"${long}`]
})
const boundMs = 50

/** Of this process' own work, whatever else the machine does; the best of three, as it collects garbage too. */
function bestMs(run: () => unknown): number {
  return Math.min(
    ...[1, 2, 3].map(() => {
      const before = process.cpuUsage()
      run()
      return process.cpuUsage(before).user / 1000
    })
  )
}

t.test('[R104] patterns › each pattern in the contract takes little time on 50 KB', async t => {
  const { app } = await enter(t)
  const patterns = new Set((await operationsOf(app)).flatMap(one => one.patterns))
  t.ok(patterns.size > 8, `${patterns.size} patterns`)
  for (const pattern of patterns) {
    const slowest = Math.max(...strings.map(text => bestMs(() => new RegExp(pattern, 'u').test(text))))
    t.ok(slowest < boundMs, `${pattern}: ${slowest.toFixed(1)} ms`)
  }
})

t.test('[R104] patterns › the parsers of addresses, links and the environment take little time', async t => {
  const publicUrl = new URL('http://localhost:3000')
  const slow: string[] = []
  for (const text of strings) {
    const tookMs = bestMs(() => {
      isAllowedReturn(text, publicUrl, ['https://app.example.com'])
      rateLimitKey(text)
    })
    if (tookMs >= boundMs) slow.push(`${text.slice(0, 20)}: ${tookMs}`)
  }
  for (const name of Object.keys(Environment.shape)) {
    for (const text of strings) {
      const tookMs = bestMs(() => Environment.safeParse({ [name]: text }))
      // Lists are split and each item looked at: linear, but much more than one pattern.
      if (tookMs >= boundMs * 4) slow.push(`${name}: ${text.slice(0, 20)}: ${tookMs}`)
    }
  }
  t.same(slow, [])
})

t.test('[R104] patterns › headers and bodies made to slow patterns down › are answered', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const texts = ['a', '@', ' ', '/', ',', ';', '=', '\\', '"', '('].map(unit => unit.repeat(size))
  for (const text of texts) {
    for (const header of [
      'accept',
      'authorization',
      'cookie',
      'content-type',
      'origin',
      'sec-purpose',
      'x-forwarded-for',
      'user-agent'
    ]) {
      const response = await app.inject({
        url: '/auth/session',
        headers: { [header]: header === 'cookie' ? `guichet-3000=${text}` : text }
      })
      t.ok(response.statusCode < 500, `${header} answered ${response.statusCode}`)
    }
  }
  for (const operation of (await operationsOf(app)).filter(one => one.takesBody && one.path !== '/start')) {
    for (const name of operation.bodyNames) {
      for (const text of texts) {
        const request = toRequest(operation, { path: { id }, body: { [name]: text } })
        const response = await ada.request({ ...request, headers: { ...request.headers, authorization } })
        t.ok([400, 404].includes(response.statusCode), `${operation.path} ${name} answered ${response.statusCode}`)
      }
    }
  }
})
