import hooks, { type AsyncHook } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

// Loaded before tap, which follows every promise and callback from its birth to its collection, only to tell to which
// subtest a stray error belongs: a third of the suite's processor time. Without it such an error still ends the file and
// fails it, with its stack.
const idle: AsyncHook = { enable: () => idle, disable: () => idle }
hooks.createHook = () => idle
syncBuiltinESMExports()
