import { runSuite } from './files.ts'

await runSuite('all-that-waits')
