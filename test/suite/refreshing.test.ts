import { runFiles } from './files.ts'

await runFiles('test/connections/refresh/*.test.ts')
