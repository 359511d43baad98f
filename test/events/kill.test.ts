import t from 'tap'
import { build } from '../helper.ts'
import { injectAt, startServer } from '../process.ts'
import { startReceiver } from './receiver.ts'

t.test('[F36] delivery › kill -9 during it › another process delivers it again, with the same id', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  const user = await world.signedIn()
  await world.app.close()
  receiver.answer = () => {}
  const sender = await startServer(t, world.environment)
  await user.clone(injectAt(sender.url)).connected()
  await receiver.received(1)
  await sender.kill('SIGKILL')
  receiver.answer = response => response.writeHead(204).end()
  world.clock.advance(59_000)
  await startServer(t, world.environment)
  await receiver.received(2)
  const [first, second] = receiver.requests
  t.equal(second?.headers['webhook-id'], first?.headers['webhook-id'])
  t.equal(second?.body, first?.body)
  for (const received of receiver.requests) t.doesNotThrow(() => receiver.verify(received))
})
