import { runFiles } from './files.ts'

await runFiles('test/connections/connect/*.test.ts', 'test/connections/disconnect/*.test.ts')
