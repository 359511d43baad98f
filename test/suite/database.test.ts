import { runSuite } from './files.ts'

await runSuite('database')
