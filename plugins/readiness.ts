import fp from 'fastify-plugin'
import { GuichetError, hasCode } from '../src/errors.ts'
import { toGuichetError } from '../src/http/problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readiness: {
      /** @throws GuichetError saying why this process should get no requests now */
      check(): Promise<void>
      /** From now on not ready, so that load balancers send nothing more. */
      drain(): void
    }
    /** An onRequest hook for whatever needs the database: refused until its indexes and keys are known to be right. */
    requirePrepared(): Promise<void>
  }
}

const retryMs = 1_000

/** Whether this process can serve: the database answers, its indexes stand, the vault's keys are the right ones. */
export default fp(
  async function readiness(app) {
    let unprepared: GuichetError | undefined = new GuichetError('database_unavailable')
    let draining = false
    let closing = false
    let retry: NodeJS.Timeout | undefined

    async function prepare(): Promise<void> {
      try {
        await app.prepareDatabase()
        await app.checkVaultKeys()
        await app.events.recount()
        unprepared = undefined
      } catch (error) {
        unprepared = toGuichetError(error)
        // A missing index or a wrong key would do harm: nothing is served until it is right.
        if (unprepared.code === 'internal') unprepared = new GuichetError('database_unavailable', { cause: error })
      }
    }

    async function prepareUntilDone(): Promise<void> {
      await prepare()
      if (!unprepared) {
        // Not before: without the indexes, the clock and the right keys, work in the background would do harm too.
        app.worker.start()
        app.courier?.start()
        app.log.info({ event: 'ready' }, 'ready: the database is prepared')
        return
      }
      if (closing) return
      app.log.error({ event: 'not_ready', err: unprepared }, 'not ready: the database is not prepared')
      retry = setTimeout(() => void prepareUntilDone(), retryMs).unref()
    }

    // Now, while the routes are still being loaded.
    const prepared = prepareUntilDone()
    app.addHook('onReady', async () => {
      await prepared
      if (hasCode(unprepared, 'unsealable')) throw unprepared
    })
    app.addHook('onClose', async () => clearTimeout(retry))
    app.addHook('preClose', async () => {
      draining = true
      closing = true
    })
    // What comes after that, over a connection that is still open, has another replica to go to.
    app.addHook('onRequest', async () => {
      if (closing) throw new GuichetError('shutting_down')
    })
    // A connection that is kept would be closed under the request that comes next.
    app.addHook('onSend', async (_request, reply) => {
      if (draining) reply.header('connection', 'close')
    })

    app.decorate('requirePrepared', async () => {
      if (unprepared) throw new GuichetError(unprepared.code, { cause: unprepared })
    })
    app.decorate('readiness', {
      drain: () => {
        draining = true
      },
      async check() {
        if (draining) throw new GuichetError('shutting_down')
        await app.requirePrepared()
        await app.mongo.db?.command({ ping: 1 })
      }
    })
  },
  { name: 'readiness', fastify: '5.x', dependencies: ['mongo', 'vault', 'events'] }
)
