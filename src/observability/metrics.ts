import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface Metrics {
  /** In Prometheus's text format. */
  text(): Promise<string>
  contentType: string
  /** Where a part with kinds of its own, such as histograms, registers what it counts. */
  registry: Registry
  /** Counts from zero in this process. No label may hold an id or an address. */
  counter<Label extends string = never>(name: string, help: string, labelNames?: Label[]): Counter<Label>
  /** Counts an error that is answered, by its code. */
  countProblem(code: string): void
  /** Read when somebody asks; NaN where reading fails. */
  gauge(name: string, help: string, read: () => Promise<number>): void
}

let ofProcess: Registry | undefined

/** Memory, processor, event loop: once for all apps of the process, for what watches these never ends, and holds on to its registry. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess, prefix: 'guichet_' })
  }
  return ofProcess
}

/** What an operator watches: each part names its own figures here, under the prefix `guichet_`. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const ofProcess = processMetrics()
  // `unsealable` and `internal` are worth an alert.
  const problems = new Counter({
    name: 'guichet_problems_total',
    help: 'Errors answered, by code',
    labelNames: ['code'],
    registers
  })

  return {
    text: async () => (await Promise.all([ofProcess.metrics(), registry.metrics()])).join('\n'),
    contentType: registry.contentType,
    registry,
    countProblem: code => problems.inc({ code }),
    counter: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter({ name, help, labelNames, registers }),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read().catch(() => Number.NaN))
        }
      })
    }
  }
}
