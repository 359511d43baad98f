import { Counter, Histogram, type Registry } from 'prom-client'

/** What an operator watches of the calls to Gmail. No label holds an id or an address. */
export interface GmailMetrics {
  calls: Counter<'method' | 'outcome'>
  units: Counter<'method'>
  waits: Histogram
  refusals: Counter<'reason'>
}

export function createGmailMetrics(registry: Registry): GmailMetrics {
  const registers = [registry]
  return {
    calls: new Counter({
      name: 'guichet_gmail_calls_total',
      help: "Calls to Gmail, by method and outcome: `ok` or the error's code",
      labelNames: ['method', 'outcome'],
      registers
    }),
    units: new Counter({
      name: 'guichet_gmail_units_total',
      help: "Units of Google's quota spent, by method",
      labelNames: ['method'],
      registers
    }),
    waits: new Histogram({
      name: 'guichet_gmail_wait_seconds',
      help: "Time a call waited for its turn: for units, a slot, or the end of Google's pause",
      buckets: [0.01, 0.1, 0.5, 1, 2, 5, 10, 20],
      registers
    }),
    refusals: new Counter({
      name: 'guichet_gmail_refusals_total',
      help: "Calls that Gmail refused for their rate or for the project's settings, by reason",
      labelNames: ['reason'],
      registers
    })
  }
}
