import { runFiles } from './files.ts'

await runFiles('test/events/*.test.ts', 'test/observability/*.test.ts')
