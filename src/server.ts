import { setTimeout as delay } from 'node:timers/promises'
import { createServer } from './app.ts'
import { ConfigError, parseConfig } from './config.ts'

/** From a readiness that says no to the last request: load balancers need a moment to notice. */
const drainMs = 5_000
/** Requests still running after this are cut off. */
const graceMs = 30_000

/** The process: environment, server, listening, a graceful end. Nothing else touches `process`. */
async function main(): Promise<void> {
  const config = parseConfig(process.env)
  const app = await createServer(config, true)
  await app.listen({ host: config.host, port: config.port })

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
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch(error => {
  // Anything but our own message may quote a secret.
  const message =
    error instanceof ConfigError
      ? error.message
      : `The server could not start: ${error?.code ?? error?.name ?? 'unknown error'}`
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
