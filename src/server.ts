import { setTimeout as delay } from 'node:timers/promises'
import { keepCompiled } from './startup/compile-cache.ts'
import { catchStrayErrors } from './startup/stray-errors.ts'

keepCompiled()
const strayErrors = catchStrayErrors(text => process.stderr.write(`${text}\n`))
const { parseConfig } = await import('./config/config.ts')
const { ConfigError } = await import('./config/config-error.ts')
const { loadTheRest } = await import('./lazily.ts')
const { safeCodeOf } = await import('./observability/log.ts')
const { allWritten, standardOutput } = await import('./observability/line-sink.ts')

/** From a readiness that says no to the last request: load balancers need a moment to notice. */
const drainMs = 5_000
/** Between two packages that the start left for later. */
const pauseMs = 100
/** Requests still running after this are cut off. */
const graceMs = 30_000

/** The process: environment, server, listening, a graceful end. Nothing else touches `process`. */
async function main(): Promise<void> {
  const config = parseConfig(process.env)
  // The parts that take longest to load are loaded only for a valid environment.
  const { createServer } = await import('./app.ts')
  const app = await createServer(config, { stream: standardOutput })
  await app.listen({ host: config.host, port: config.port }).catch(({ code }) => {
    throw new ConfigError([{ variable: 'HOST, PORT', problem: `cannot be listened on (${safeCodeOf({ code })})` }])
  })
  void loadTheRest(pauseMs).then(() => app.log.info({ event: 'loaded' }, 'loaded: what the start had left for later'))
  strayErrors.goOn(err => app.log.error({ event: 'stray_error', err }, 'an error that nothing caught: a bug'))

  let stopping = false
  async function stop(signal: NodeJS.Signals): Promise<void> {
    // A second signal, or a request that never ends: the state in the database is good at every moment.
    if (stopping) process.exit(1)
    stopping = true
    app.log.info({ event: 'stopping', signal }, 'stopping')
    app.readiness.drain()
    setTimeout(() => process.exit(1), drainMs + graceMs).unref()
    await delay(drainMs)
    await app.close()
    // A token that went out has its line in the audit trail, also where the reader was behind.
    await allWritten()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch(error => {
  // Anything but our own message may quote a secret.
  const message = error instanceof ConfigError ? error.message : `The server could not start: ${safeCodeOf(error)}`
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
