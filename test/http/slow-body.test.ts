import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import { awaitLargeBody, isAwaited } from '../../src/http/slow-body.ts'
import { startSending } from '../services/gmail/sending.ts'

/** A request whose body comes in pieces; `answer` is the first line that comes back. */
function dripping(port: number, head: readonly string[]) {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  const answer = once(socket, 'data').then(([data]) => String(data).split('\r\n', 1)[0])
  return { socket, answer, write: (text: string) => socket.write(text) }
}

const head = (path: string, length: number, ...more: string[]) => [
  `POST ${path} HTTP/1.1`,
  'host: localhost',
  'content-type: application/json',
  `content-length: ${length}`,
  ...more
]

t.test('[R100] a slow body › only a mail to send gets more time', async t => {
  const { app, ada, gmail, google } = await startSending(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  // What takes 15 s in earnest.
  Object.assign(app.server, { requestTimeout: 100, headersTimeout: 100 })
  const { port } = app.server.address() as AddressInfo
  const body = JSON.stringify({ to: ['bob@example.com'], subject: 'Slow', text: 'x' })
  const cookie = `cookie: ${[...ada.cookies].map(pair => pair.join('=')).join('; ')}`
  const [mail, label, stranger] = [
    dripping(port, head(`${gmail}/messages/send`, body.length, cookie)),
    dripping(port, head(`${gmail}/labels`, body.length, cookie)),
    dripping(port, head(`${gmail}/messages/send`, body.length))
  ]
  mail.write(body.slice(0, 10))
  label.write(body.slice(0, 10))
  t.match(await stranger.answer, /401/, 'refused before its body is read')
  t.match(await label.answer, /408/)
  t.equal(google.sent.length, 0)
  mail.write(body.slice(10))
  t.match(await mail.answer, /200/)
  t.equal(google.sent.length, 1)
  for (const { socket } of [mail, label, stranger]) socket.destroy()
})

t.test('[R100] a slow body › past the time its route allows › 408', async t => {
  const app = Fastify({
    clientErrorHandler: ({ code }, socket) => void socket.end(`HTTP/1.1 ${code}\r\n\r\n`)
  })
  t.teardown(() => app.close())
  const seen: boolean[] = []
  const look = async ({ raw }: FastifyRequest) => {
    seen.push(isAwaited(raw.socket))
  }
  app.post('/', { onRequest: [awaitLargeBody(50), look] }, () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const { answer, socket } = dripping(port, head('/', 10))
  t.match(await answer, /ERR_HTTP_REQUEST_TIMEOUT/)
  t.same(seen, [true])
  socket.destroy()
  const whole = dripping(port, head('/', 2))
  whole.write('{}')
  t.match(await whole.answer, /200/)
  whole.socket.destroy()
})

t.test('[R100] a slow body › of an injected request › is not waited for', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const late: unknown[] = []
  app.server.on('clientError', error => late.push(error))
  const answered = Promise.withResolvers<void>()
  const look = async ({ raw }: FastifyRequest) => t.notOk(isAwaited(raw.socket))
  app.post('/', { onRequest: [awaitLargeBody(1), look] }, async () => {
    await answered.promise
    return 'ok'
  })
  const injected = app.inject({ method: 'POST', url: '/', payload: { text: 'x' } })
  // A timer of the same length that began later ends later.
  setTimeout(() => setTimeout(answered.resolve, 1), 1)
  t.equal((await injected).statusCode, 200)
  t.same(late, [])
})
