import type { Reply } from './http.ts'

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d5d9df, #3b4048); --quiet: light-dark(#586069, #a5adb8); --accent: light-dark(#1a5fb4, #8ab4f8) }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: light-dark(#f4f6f8, #16181c); color: light-dark(#1d2126, #e8eaed) }
main { max-width: 34rem; margin: 0 auto; padding: 1rem }
.sheet { background: light-dark(#fff, #202329); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; margin: 1rem 0 }
.mark { display: inline-block; margin: 0 0 .75rem; padding: .1rem .6rem; border: 1px dashed var(--quiet); border-radius: 99px; font-size: .8rem; color: var(--quiet) }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .5rem } h2 { font-size: 1rem; margin: 1.25rem 0 .5rem }
p { margin: .25rem 0 } .quiet { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere }
label { display: flex; gap: .6rem; align-items: baseline; padding: .35rem 0 } label small { display: block; color: var(--quiet); overflow-wrap: anywhere }
button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; padding: .5rem .9rem; cursor: pointer }
button:hover, button:focus-visible { border-color: var(--accent); outline: 2px solid var(--accent); outline-offset: 1px }
.account { display: block; width: 100%; text-align: left; margin: .5rem 0; padding: .7rem 1rem } .account span { display: block; color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere }
.levers { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .75rem }
.done { border-left: 4px solid var(--accent); padding: .25rem .75rem; margin: .75rem 0 }
`

/** A page of the fake's, which says on top of it that it is one. */
export function page(status: number, title: string, body: string): Reply {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // Nothing here runs, frames or is framed.
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title}</title><style>${STYLE}</style><main><div class="sheet"><p class="mark">fake Google · for demos and tests</p>${body}</div></main></html>`
  }
}
