import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { faultsOf } from './rooms.ts'

const root = join(import.meta.dirname, '../..')

function readSources(): Map<string, string> {
  const files = execFileSync('git', ['ls-files', 'src/*.ts', 'plugins/*.ts', 'routes/*.ts'], { cwd: root })
  const names = files.toString().trim().split('\n')
  return new Map(names.map(name => [name, readFileSync(join(root, name), 'utf8')]))
}

t.test('rooms › every import of the sources goes in the right direction', async t => {
  t.same(faultsOf(readSources()), [])
})

t.test('rooms › an import against the direction is refused', async t => {
  const seeds: Record<string, string> = {
    'src/clock.ts': "import { GuichetError } from './errors.ts'",
    'src/vault/plugin.ts': "import vault from '../../plugins/vault.ts'",
    'src/flows/later.ts': "export const seed = await import('../../plugins/mongo.ts')",
    'src/google/flow.ts': "import type { FlowRecord } from '../flows/flows.ts'",
    'src/events/connection.ts': "import { type ConnectionRecord } from '../connections/record.ts'",
    'src/connections/user.ts': "export { createUsers } from '../accounts/users.ts'",
    'src/accounts/view.ts': "import type {\n  UserView\n} from '../http/views/user.ts'",
    'src/services/gmail/problem.ts': "import { toProblem } from '../../http/problem.ts'",
    'src/config/secret.ts': "import { createVault } from '../vault/vault.ts'",
    'src/unknown/file.ts': "import { systemClock } from '../clock.ts'",
    'src/app.ts': "import { build } from '../test/helper.ts'",
    'src/server.ts': "import '../demo/demo.ts'",
    'src/http/driver.ts': "import { MongoClient } from 'mongodb'",
    'src/connections/gmail.ts': "import { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'",
    'src/services/gmail/all.ts': "import { google } from 'googleapis'",
    'src/accounts/token.ts': "import { jwtVerify } from 'jose'",
    'src/connections/stand-in.ts': "import { startEmbeddedMongo } from '@guichet/embedded-mongo'",
    'plugins/driver.ts': "import { MongoClient } from 'mongodb'",
    'plugins/browser/route.ts': "import { gmailRoutes } from '../../routes/gmail/gmail.ts'",
    'routes/browser/plugin.ts': "import session from '../../plugins/browser/session.ts'",
    'routes/backend/driver.ts': "import { MongoClient } from 'mongodb'",
    'routes/open/oauth2.ts': "import oauth2 from '@fastify/oauth2'"
  }
  for (const [file, source] of Object.entries(seeds)) {
    t.match(faultsOf(new Map([[file, source]])), [new RegExp(`^${file} → `)], `${file}: ${source}`)
  }
})

t.test('rooms › an import in the right direction › is allowed', async t => {
  const allowed: Record<string, string> = {
    'src/connections/connect.ts': "import { ObjectId } from 'mongodb'\nimport type { Vault } from '../vault/vault.ts'",
    'src/google/id-token.ts': "import { jwtVerify } from 'jose'",
    'src/services/gmail/gmail.ts': "import { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'",
    'src/http/id.ts': "import { ObjectId } from 'mongodb'",
    'plugins/mongo.ts': "import { MongoClient } from 'mongodb'\nimport { systemClock } from '../src/clock.ts'",
    'routes/browser/services.ts': "import { services } from '../../src/catalogue.ts'",
    'src/flows/comment.ts': "// import { a } from '../connections/record.ts'\nexport {}"
  }
  t.same(faultsOf(new Map(Object.entries(allowed))), [])
})
