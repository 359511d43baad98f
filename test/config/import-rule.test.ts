import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'

const root = join(import.meta.dirname, '../..')
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')

/** Lints seeds in a project of their own under the rules of this one; gives the files that break the import rule. */
function lint(t: Test, seeds: Record<string, string>): Promise<string[]> {
  const project = t.testdir({})
  copyFileSync(join(root, 'biome.json'), join(project, 'biome.json'))
  for (const [path, source] of Object.entries(seeds)) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    writeFileSync(join(project, path), source)
  }
  const argv = [biome, 'lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '--reporter=json', '.']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { cwd: project }, (_error, stdout, stderr) => {
      try {
        const { diagnostics } = JSON.parse(stdout) as {
          diagnostics: { location: { path: string | { file: string } } }[]
        }
        const paths = diagnostics.map(({ location: { path } }) => (typeof path === 'string' ? path : path.file))
        resolve([...new Set(paths)].sort())
      } catch (cause) {
        reject(new Error(stderr, { cause }))
      }
    })
  })
}

const importing = (specifier: string, name = 'thing') =>
  `import { ${name} } from '${specifier}'\n\nexport const seed = ${name}\n`

t.test('imports › whatever crosses the layers is an error', async t => {
  const forbidden = {
    'src/connections/plugin.ts': importing('../../plugins/mongo.ts'),
    'src/plugin.ts': importing('../plugins/mongo.ts'),
    'src/plugin-later.ts': "export const seed = await import('../plugins/mongo.ts')\n",
    'src/google/route.ts': importing('../../routes/gmail.ts'),
    'src/database.ts': importing('../routes/gmail.ts'),
    'src/connections/driver.ts': importing('mongodb', 'MongoClient'),
    'src/connections/driver-type.ts': "import type { Collection } from 'mongodb'\n\nexport type Seed = Collection\n",
    'src/connections/gmail.ts': importing('googleapis/build/src/apis/gmail/v1.js', 'gmail_v1'),
    'src/accounts/users.ts': importing('jose'),
    'src/google/database.ts': importing('mongodb', 'ObjectId'),
    'src/accounts/stand-in.ts': importing('../dev/embedded-mongo/server.ts'),
    'src/server.ts': importing('./dev/demo.ts'),
    'src/app.ts': importing('../test/helper.ts'),
    'plugins/driver.ts': importing('mongodb', 'MongoClient'),
    'plugins/browser/google.ts': importing('googleapis'),
    'plugins/browser/route.ts': importing('../../routes/gmail.ts'),
    'plugins/mongo.ts': importing('../src/dev/embedded-mongo/server.ts'),
    'routes/driver.ts': importing('mongodb', 'ObjectId'),
    'routes/wrapped-driver.ts': importing('@fastify/mongodb'),
    'routes/browser/plugin.ts': importing('../../plugins/browser/session.ts'),
    'routes/browser/auth/oauth2.ts': importing('@fastify/oauth2'),
    'routes/v1/google.ts': importing('googleapis'),
    'routes/v1/keys.ts': importing('jose'),
    'routes/v1/demo.ts': importing('../../src/dev/demo.ts')
  }
  t.same(await lint(t, forbidden), Object.keys(forbidden).sort())
})

t.test('imports › what the layers are for passes', async t => {
  const allowed = {
    'src/connections/connect.ts': importing('mongodb', 'ObjectId'),
    'src/connections/repository.ts': importing('mongodb', 'MongoError'),
    'src/database.ts': importing('mongodb', 'MongoError'),
    'src/google/gmail.ts': importing('googleapis/build/src/apis/gmail/v1.js', 'gmail_v1'),
    'src/google/id-token.ts': importing('jose'),
    'src/dev/demo.ts': importing('../../plugins/mongo.ts'),
    'src/dev/stand-in.ts': importing('mongodb', 'BSON'),
    'plugins/mongo.ts': importing('mongodb', 'MongoClient'),
    'plugins/browser/session.ts': importing('../../src/secret-hash.ts'),
    'routes/gmail.ts': importing('../src/schemas.ts'),
    'test/anything.test.ts':
      importing('../plugins/mongo.ts') + importing('mongodb', 'MongoClient').replaceAll('seed', 'other')
  }
  t.same(await lint(t, allowed), [])
})
