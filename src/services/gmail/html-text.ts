import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** In characters: longer html would take too much time. */
const maxHtmlLength = 1024 * 1024
/** Only html made to be slow takes longer: it gets no text. */
const usualTimeoutMs = 3_000
/** The thread ends after this long without work: it holds 20 MB. */
const idleMs = 30_000
const maxOldGenerationSizeMb = 192

/** The text of a mail's html, or of the beginning of it; null where it cannot be had in time. */
export type ToText = (html: string) => Promise<{ text: string; truncated: boolean } | null>

/**
 * Makes text of html, one after the other in a thread of its own: some megabytes of tags take a second, and what an
 * attacker has written takes as long as it likes. The thread starts with the first that asks.
 */
export function createHtmlToText({ timeoutMs = usualTimeoutMs } = {}): { toText: ToText; close(): Promise<void> } {
  let worker: Worker | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined

  function start(): Worker {
    // Compiled, the file has another name.
    const file = new URL(`./html-text-worker${extname(import.meta.filename)}`, import.meta.url)
    const started = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb } })
    // The caller that waits gets its errors.
    started.on('error', () => {})
    started.once('exit', () => {
      if (worker === started) worker = undefined
    })
    started.unref()
    return started
  }

  async function convert(html: string): ReturnType<ToText> {
    clearTimeout(idle)
    worker ??= start()
    const asked = worker
    asked.postMessage(html.slice(0, maxHtmlLength))
    try {
      const [text] = await once(asked, 'message', { signal: AbortSignal.timeout(timeoutMs) })
      return { text: String(text), truncated: html.length > maxHtmlLength }
    } catch {
      await asked.terminate()
      return null
    } finally {
      idle = setTimeout(() => void worker?.terminate(), idleMs).unref()
    }
  }

  return {
    toText(html) {
      const text = queue.then(() => convert(html))
      queue = text
      return text
    },
    async close() {
      clearTimeout(idle)
      await worker?.terminate()
    }
  }
}
