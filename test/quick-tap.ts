import hooks, { type AsyncHook } from 'node:async_hooks'
import module, { syncBuiltinESMExports } from 'node:module'

// Loaded before tap, which follows every promise and callback from its birth to its collection, only to tell to which
// subtest a stray error belongs: a quarter of the processor time of a busy file. Without it such an error still ends the
// file and fails it, with its stack.
const idle: AsyncHook = { enable: () => idle, disable: () => idle }
hooks.createHook = () => idle

// It also loads every module itself, for its list of what each file covers: nearly a second in each file, and used for
// coverage alone.
if (process.env._TAPJS_PROCESSINFO_COVERAGE_ !== '1') module.registerHooks = () => ({ deregister() {} })

syncBuiltinESMExports()
// tap must not follow the processes that tests start.
delete process.env.NODE_OPTIONS
