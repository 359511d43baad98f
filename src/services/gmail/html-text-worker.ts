import { parentPort } from 'node:worker_threads'
import { compile } from 'html-to-text'

/** Deeper than real html; anything deeper is left out. */
const limits = { maxDepth: 500, ellipsis: '' }
const convert = compile({
  wordwrap: false,
  limits,
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
    // html-to-text would write them in capitals; the sender did not.
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(selector => ({ selector, options: { uppercase: false } }))
  ]
})

/** Runs beside the main thread, for html-text.ts. */
parentPort?.on('message', (html: string) => parentPort?.postMessage(convert(html)))
