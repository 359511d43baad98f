import { runFiles } from './files.ts'

await runFiles('test/database/*.test.ts', 'test/vault/*.test.ts', 'test/config/*.test.ts', 'test/backend/*.test.ts')
