import { runFiles } from './files.ts'

await runFiles('test/accounts/**/*.test.ts')
