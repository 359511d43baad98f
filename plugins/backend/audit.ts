import fp from 'fastify-plugin'
import { type AuditEntry, createAudit } from '../../src/backend/audit.ts'
import { toGuichetError } from '../../src/http/problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Leaves the line of one vend, and counts it.
     * @throws GuichetError `audit_unavailable`: no token may go out then
     */
    audit(entry: Omit<AuditEntry, 'time'>): Promise<void>
  }
}

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
  },
  { name: 'audit', fastify: '5.x', dependencies: ['metrics', 'database-clock'] }
)
