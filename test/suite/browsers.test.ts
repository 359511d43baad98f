import { runFiles } from './files.ts'

await runFiles('test/browser/*.test.ts', 'test/demo.browser.test.ts')
