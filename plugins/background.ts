import fp from 'fastify-plugin'
import { createWorker, type Worker } from '../src/background/worker.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Work that no request waits for: `add` names a task, `soon` says that one of them has something to do. */
    background: Worker
  }
}

const intervalMs = 1_000

export default fp(
  async function background(app) {
    const worker = createWorker({
      intervalMs,
      onError: (task, error) =>
        app.log.warn({ event: 'work_failed', task, err: error }, 'work in the background failed; it is tried again')
    })
    app.decorate('background', worker)
    app.readiness.onceReady(() => worker.start())
    app.addHook('preClose', async () => worker.stop())
  },
  { name: 'background', fastify: '5.x', dependencies: ['readiness'] }
)
