import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Examined } from '../../src/commands/doctor/doctor.ts'
import { createCertificate } from '../certificate.ts'
import { build, type World } from '../helper.ts'
import { runGuichet } from '../process.ts'

t.test('doctor › behind an https proxy › checks cookie, Secure and forwarded headers', async t => {
  const world = await build(t)
  const { key, cert } = createCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'guichet-https-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const authority = join(folder, 'ca.pem')
  writeFileSync(authority, cert)

  let target: World['app'] | undefined
  let proxy: 'right' | 'wrong' | 'trusting' | 'careless' = 'right'
  const server = createServer({ key, cert }, (request, response) => {
    if (proxy === 'wrong') request.headers['x-forwarded-proto'] = 'http'
    else if (proxy !== 'trusting' || !request.headers['x-forwarded-proto'])
      request.headers['x-forwarded-proto'] = 'https'
    if (proxy === 'careless') {
      const writeHead = response.writeHead.bind(response)
      response.writeHead = ((status: number, headers: Record<string, string | string[]>) => {
        const cookies = [headers['set-cookie'] ?? []].flat().map(line => line.replace(/; *secure/i, ''))
        return writeHead(status, { ...headers, ...(cookies.length > 0 && { 'set-cookie': cookies }) })
      }) as never
    }
    target?.routing(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const publicUrl = `https://localhost:${(server.address() as AddressInfo).port}`
  for (const path of ['auth/google', 'connect/gmail', 'connect/calendar', 'connect/drive'])
    world.google.redirectUris.add(`${publicUrl}/${path}/callback`)
  const environment = { ...world.environment, PUBLIC_URL: publicUrl, TRUST_PROXY: 'loopback' }
  target = await world.replica({ PUBLIC_URL: publicUrl, TRUST_PROXY: 'loopback' })

  async function doctor(trusted = authority) {
    const { out } = await runGuichet({ ...environment, NODE_EXTRA_CA_CERTS: trusted }, 'doctor', '--json').ended
    const findings = (JSON.parse(out) as Examined[]).filter(({ check }) => check === 'proxy')
    return findings.map(({ state, found }) => `${state}: ${found}`).join('\n')
  }

  const right = await doctor()
  t.match(right, 'ok: PUBLIC_URL leads to a guichet that is ready')
  t.match(right, 'ok: the cookie arrives through PUBLIC_URL')
  t.match(right, 'ok: the proxy replaces what a client sends')
  proxy = 'wrong'
  t.match(await doctor(), 'fault: a sign-in cannot be started at PUBLIC_URL (status 400)')
  proxy = 'trusting'
  t.match(await doctor(), 'warning: a client’s own X-Forwarded-Proto gets through')
  proxy = 'careless'
  t.match(await doctor(), 'fault: the cookie loses its Secure')
  proxy = 'right'
  const other = join(folder, 'other.pem')
  writeFileSync(other, createCertificate().cert)
  t.match(await doctor(other), 'fault: PUBLIC_URL cannot be reached', 'a certificate that nobody trusts')
})
