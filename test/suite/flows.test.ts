import { runFiles } from './files.ts'

await runFiles('test/flows/*.test.ts', 'test/google/*.test.ts')
