import fp from 'fastify-plugin'
import { GuichetError, hasCode } from '../src/errors.ts'
import { toGuichetError } from '../src/http/problem.ts'

/** Something without which this process must serve nothing. */
export interface Requirement {
  /** Tried until it succeeds once, in the order in which requirements are named. `unsealable` ends the boot. */
  prepare(): Promise<void>
  /** Asked again at each /readyz. */
  probe?(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness: {
      require(name: string, requirement: Requirement): void
      /** Names what does not keep this process from serving, and has to be seen to all the same. */
      warn(name: string, isSo: () => Promise<boolean>): void
      /** The warnings that hold now. One that cannot be checked is left out. */
      warnings(): Promise<string[]>
      /** Called once everything that is required has succeeded. */
      onceReady(start: () => void): void
      /** An onRequest hook for whatever needs the database: refused until everything required has succeeded. */
      requirePrepared(): Promise<void>
      /** @throws GuichetError saying why this process should get no requests now */
      check(): Promise<void>
      /** From now on not ready, so that load balancers send nothing more. */
      drain(): void
      /** Starts preparing; all requirements have been named. */
      begin(): void
    }
  }
}

const retryMs = 1_000

/** Whether this process can serve, and the only place that knows when it may. */
export default fp(
  async function readiness(app) {
    const requirements = new Map<string, Requirement>()
    const starts: (() => void)[] = []
    const warnings = new Map<string, () => Promise<boolean>>()
    let unprepared: GuichetError | undefined = new GuichetError('database_unavailable')
    let draining = false
    let closing = false
    let retry: NodeJS.Timeout | undefined
    let prepared: Promise<void> | undefined

    async function prepare(): Promise<void> {
      for (const [name, requirement] of requirements) {
        try {
          await requirement.prepare()
        } catch (error) {
          unprepared = toGuichetError(error)
          // A missing index or a wrong key would do harm: nothing is served until it is right.
          if (unprepared.code === 'internal') unprepared = new GuichetError('database_unavailable', { cause: error })
          app.log.error({ event: 'not_ready', required: name, err: unprepared }, 'not ready: something is not prepared')
          return
        }
      }
      unprepared = undefined
    }

    async function prepareUntilDone(): Promise<void> {
      await prepare()
      if (!unprepared) {
        // Not before: without the indexes, the clock and the right keys, work in the background would do harm too.
        for (const start of starts) start()
        app.log.info({ event: 'ready' }, 'ready: the database is prepared')
        return
      }
      if (!closing) retry = setTimeout(() => void prepareUntilDone(), retryMs).unref()
    }

    app.addHook('onReady', async () => {
      await prepared
      if (hasCode(unprepared, 'unsealable')) throw unprepared
    })
    app.addHook('onClose', async () => clearTimeout(retry))
    app.addHook('preClose', async () => {
      draining = true
      closing = true
    })
    // Requests that come later over a connection that is still open can go to another replica.
    app.addHook('onRequest', (_request, _reply, done) => done(closing ? new GuichetError('shutting_down') : undefined))
    // A connection that is kept would be closed under the request that comes next.
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (draining) reply.header('connection', 'close')
      done()
    })

    async function requirePrepared(): Promise<void> {
      if (unprepared) throw new GuichetError(unprepared.code, { cause: unprepared })
    }
    app.decorate('readiness', {
      require: (name, requirement) => void requirements.set(name, requirement),
      onceReady: start => void starts.push(start),
      warn: (name, isSo) => void warnings.set(name, isSo),
      async warnings() {
        const told = await Promise.all(
          [...warnings].map(([name, isSo]) =>
            isSo().then(
              so => (so ? [name] : []),
              () => []
            )
          )
        )
        return told.flat()
      },
      requirePrepared,
      async check() {
        if (draining) throw new GuichetError('shutting_down')
        await requirePrepared()
        for (const { probe } of requirements.values()) await probe?.()
      },
      drain: () => {
        draining = true
      },
      begin: () => {
        prepared ??= prepareUntilDone()
      }
    })
  },
  { name: 'readiness', fastify: '5.x', dependencies: ['cross-origin'] }
)
