import { setInterval } from 'node:timers'

/**
 * Loaded into a server before it starts (`--import`); its parent asks through the channel between them. Tells for how long
 * the main thread computed at most between two turns of the event loop, in milliseconds of its own CPU time: what a busy
 * machine gives to others in between does not count.
 */
let before = process.threadCpuUsage()
let longestMs = 0

setInterval(() => {
  const { user, system } = process.threadCpuUsage(before)
  before = process.threadCpuUsage()
  longestMs = Math.max(longestMs, (user + system) / 1000)
}, 1).unref()

process.on('message', () => {
  process.send?.(longestMs)
  longestMs = 0
})
process.channel?.unref()
