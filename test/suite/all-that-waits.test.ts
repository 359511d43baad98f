import { runFiles, waiting } from './files.ts'

await runFiles(...waiting)
