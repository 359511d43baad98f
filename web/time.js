/** Writes the times below `root`, which the server writes in UTC, in the reader's own time zone and the page's language. */
export const localize = root => {
  const lang = document.documentElement.lang
  const format = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, { dateStyle: 'medium', timeStyle: 'short' })
  for (const time of root.querySelectorAll('time')) time.textContent = format.format(new Date(time.dateTime))
}
