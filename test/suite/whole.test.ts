import { runFiles } from './files.ts'

await runFiles(
  'test/!(demo.browser).test.ts',
  'test/judges/*.test.ts',
  'test/layout/*.test.ts',
  'test/startup/*.test.ts'
)
