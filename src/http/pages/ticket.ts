import type { TicketRecord } from '../../accounts/tickets.ts'
import { findService } from '../../catalogue.ts'
import { fill, type Html, html, name } from '../html.ts'
import { card } from './card.ts'
import { permissions } from './connection.ts'
import type { Page } from './frame.ts'
import type { Reader } from './words.ts'

/** Who asks, for whom and for what: the page of a ticket, and its button. */
export function toTicketPage(ticket: TicketRecord, fields: Record<string, string>, reader: Reader): Page {
  const { words } = reader
  const { app, displayName, externalId, service, expectedEmail } = ticket
  const entry = service ? findService(service) : undefined
  const whom = name(displayName ?? externalId)
  const title = entry ? words.ticket.connect.replace('{service}', () => entry.title) : words.ticket.visit
  const facts: [string, Html][] = [
    [words.ticket.whom, whom],
    [
      words.ticket.what,
      entry ? permissions(words.services.lets, entry.scopes, entry, reader) : html`${words.ticket.look}`
    ]
  ]
  if (expectedEmail) facts.push([words.ticket.which, name(expectedEmail)])
  const inputs = Object.entries(fields).map(
    ([field, value]) => html`<input type="hidden" name="${field}" value="${value}">`
  )
  return {
    title,
    hasFooter: true,
    content: html`${card(html`<h2>${fill(entry ? words.ticket.asks : words.ticket.sends, { app: name(app), service: entry?.title })}</h2>
      <dl class="facts">
        ${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}
      </dl>
      <form method="post" action="start" class="actions">
        ${inputs}
        <button type="submit" class="main">${entry ? words.ticket.google : words.ticket.go}</button>
      </form>
      ${entry && html`<p class="quiet">${words.services.google}</p>`}`)}
  <p class="not-you">${fill(words.ticket.notYou, { name: whom })}</p>`
  }
}

/** A link that is used, too old or cut. */
export function toGonePage({ words }: Reader): Page {
  return { title: words.ticket.gone, hasFooter: true, content: card(html`<p>${words.ticket.goneText}</p>`) }
}

/** A fault that is not the link's. */
export function toLaterPage({ words }: Reader): Page {
  return { title: words.ticket.later, hasFooter: true, content: card(html`<p>${words.ticket.laterText}</p>`) }
}

/**
 * The page after a form, which leads on by a navigation of its own: a browser applies `form-action` to every redirect
 * after a form, and those of other sites are not known.
 */
export function toLeavingPage(url: string, isToGoogle: boolean, { words }: Reader): Page {
  return {
    title: isToGoogle ? words.leaving.title : words.leaving.back,
    head: html`<meta http-equiv="refresh" content="0;url=${url}">
`,
    content: card(html`<p>${words.leaving.text}</p>
      <a class="button main" href="${url}">${isToGoogle ? words.ticket.google : words.ticket.go}</a>`)
  }
}
