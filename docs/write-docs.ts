import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderEnvExample, withEnvironmentTable } from './environment-docs.ts'

const root = join(import.meta.dirname, '..')
const readme = join(root, 'README.md')

writeFileSync(join(root, '.env.example'), renderEnvExample())
writeFileSync(readme, withEnvironmentTable(readFileSync(readme, 'utf8')))
