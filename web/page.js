import { showMail } from './mail.js'
import { localize } from './time.js'

localize(document)
for (const details of document.querySelectorAll('[data-mail]')) showMail(details)

// Said once: a reload or a bookmark must not say it again.
if (location.search) history.replaceState(null, '', location.pathname)
document.querySelector('[data-close]')?.addEventListener('click', event => {
  event.preventDefault()
  event.target.closest('.message').remove()
  document.querySelector('h2').focus()
})

// Google takes a moment to answer: who has pressed sees that it was heard, and a second press is not sent.
const progress = document.getElementById('progress')
addEventListener('click', event => {
  const link = event.target.closest('[data-leave]')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  if (link.ariaBusy === 'true') return event.preventDefault()
  link.ariaBusy = 'true'
  progress.textContent = progress.dataset.leaving
})

// Back from Google, or after signing out, the browser may show the page as it was left: it must not show what is no longer so.
addEventListener('pageshow', event => event.persisted && location.reload())
