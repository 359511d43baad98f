import fp from 'fastify-plugin'
import { type AuditEntry, createAudit } from '../../src/backend/audit.ts'
import { toGuichetError } from '../../src/http/problem.ts'
import { allWritten } from '../../src/observability/line-sink.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Leaves the line of one vend, and counts it.
     * @throws GuichetError `audit_unavailable`: no token may go out then
     */
    audit(entry: Omit<AuditEntry, 'time'>): Promise<void>
  }
}

const patienceMs = 30_000

export default fp(
  async function audit(app) {
    const write = createAudit(app.config.auditFile)
    const vends = app.metrics.counter('guichet_vends_total', 'Tokens asked for by backends, by outcome', ['outcome'])
    app.decorate('audit', async entry => {
      try {
        await write({ time: new Date(app.databaseClock.nowMs()).toISOString(), ...entry })
      } catch (error) {
        vends.inc({ outcome: toGuichetError(error).code })
        throw error
      }
      vends.inc({ outcome: entry.outcome })
    })
    // A token that went out has its line in the audit trail, also where the reader was behind. One that is gone for good
    // does not keep a host app from ending.
    app.addHook('onClose', () => allWritten(patienceMs))
  },
  { name: 'audit', fastify: '5.x', dependencies: ['metrics', 'database-clock'] }
)
