import { runFiles } from './files.ts'

await runFiles('test/http/**/*.test.ts')
