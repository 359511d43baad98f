import { runFiles } from './files.ts'

await runFiles('test/services/**/*.test.ts')
