import { runFiles } from './files.ts'

await runFiles('packages/*/test/**/*.test.ts')
