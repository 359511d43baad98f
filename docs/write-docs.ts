import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderEnvExample, renderEnvironmentPage } from './environment-docs.ts'
import { renderErrorsPage } from './errors-docs.ts'
import { renderOpenapi } from './openapi-docs.ts'

const root = join(import.meta.dirname, '..')

writeFileSync(join(root, '.env.example'), renderEnvExample())
writeFileSync(join(root, 'docs/environment.md'), renderEnvironmentPage())
writeFileSync(join(root, 'docs/errors.md'), renderErrorsPage())
writeFileSync(join(root, 'openapi.json'), await renderOpenapi())
// No database is needed.
process.exit()
