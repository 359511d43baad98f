import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/*
 * Asks the servers it is told of for something small, in turn, over and over, and tells how long each made it wait at
 * most. It says so once it has asked each of them, and again when it is told to end.
 */
const agent = new Agent({ keepAlive: true })
let isGoing = false

function ask(url: string): Promise<number> {
  const askedAt = performance.now()
  return new Promise((resolve, reject) => {
    const request = get(`${url}/livez`, { agent }, answer => {
      answer.resume().once('end', () => resolve(performance.now() - askedAt))
    })
    request.once('error', reject)
  })
}

async function watch(urls: string[]): Promise<void> {
  const slowestMs = urls.map(() => 0)
  // A connection is not what is measured.
  for (const url of urls) await ask(url)
  process.send?.(slowestMs)
  for (isGoing = true; isGoing; await delay(2)) {
    for (const [at, url] of urls.entries()) slowestMs[at] = Math.max(slowestMs[at] ?? 0, await ask(url))
  }
  process.send?.(slowestMs)
}

process.on('message', (told: string[] | 'end') => {
  if (told === 'end') isGoing = false
  else void watch(told)
})
process.once('disconnect', () => process.exit())
