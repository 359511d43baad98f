import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { warningMs } from '../connections/expiry.ts'
import type { Collections } from '../database/database.ts'

export interface Metrics {
  /** In Prometheus's text format. */
  text(): Promise<string>
  contentType: string
  /** Where a part of the app registers what it counts. */
  registry: Registry
  /** Errors answered, by code: `unsealable` and `internal` are worth an alert. */
  problems: Counter<'code'>
  /** Calls to Google's token endpoint for a refresh, by what came of them. */
  refreshes: Counter<'outcome'>
  /** Tokens asked for by backends, by outcome: `vended` or the error's code. */
  vends: Counter<'outcome'>
  /** Google refused this server's OAuth client: only its operator can mend that. */
  operatorFaults: Counter
}

/** Counters of this process, and gauges that are read from the database when asked for. No label holds an id or an address. */
export function createMetrics(
  clock: Clock,
  { connections, events }: Pick<Collections, 'connections' | 'events'>
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'guichet_' })

  const gauge = (name: string, help: string, count: () => Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await count().catch(() => Number.NaN))
      }
    })
  gauge('guichet_connections_expiring', 'Connections whose grant Google ends within 48 hours', () =>
    connections.countDocuments({
      live: true,
      deadReason: null,
      refreshTokenExpiresAt: { $lte: new Date(clock.nowMs() + warningMs) }
    })
  )
  gauge('guichet_connections_dead', 'Connections that need to be made again', () =>
    connections.countDocuments({ live: true, deadReason: { $ne: null } })
  )
  gauge('guichet_revocations_owed', 'Revocations that Google has not taken yet', () =>
    connections.countDocuments({ live: false, owed: { $ne: null } })
  )
  gauge('guichet_events_parked', 'Events whose delivery was given up', () =>
    events.countDocuments({ parkedAt: { $ne: null } })
  )

  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
    problems: counter('guichet_problems_total', 'Errors answered, by code', ['code']),
    refreshes: counter('guichet_refreshes_total', 'Refreshes asked of Google, by outcome', ['outcome']),
    vends: counter('guichet_vends_total', 'Tokens asked for by backends, by outcome', ['outcome']),
    operatorFaults: counter('guichet_operator_faults_total', "Refusals of this server's OAuth client")
  }
}
