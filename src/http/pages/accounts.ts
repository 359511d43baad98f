import { type Service, services } from '../../catalogue.ts'
import { fill, type Html, html, name } from '../html.ts'
import type { ConnectionView } from '../views/connection.ts'
import type { UserView } from '../views/user.ts'
import { card, unseen } from './card.ts'
import { permissions, toTicket } from './connection.ts'
import type { Page } from './frame.ts'
import { type Outcome, toMessage } from './outcome.ts'
import type { Reader } from './words.ts'

export interface Accounts {
  user: UserView
  connections: readonly ConnectionView[]
  outcome: Outcome | undefined
  nowMs: number
  /** The connection that was just made. */
  fresh: string | undefined
}

/** "Connected accounts", for the user who is signed in. */
export function toAccountsPage(accounts: Accounts, reader: Reader): Page {
  const { user, connections, outcome, nowMs, fresh } = accounts
  const { words } = reader
  const connected = new Set(connections.map(({ service }) => service))
  const tickets = connections.map((connection, index) =>
    toTicket(connection, reader, { number: index + 1, nowMs, isFresh: connection.id === fresh })
  )
  return {
    title: words.accounts,
    who: toWho(user, reader),
    hasFooter: true,
    head: script,
    content: html`${toMessage(outcome, reader)}
  <div id="progress" role="status" data-leaving="${words.leaving.title}"></div>
  <section aria-labelledby="connections">
    <h2 id="connections">${words.connections.title}</h2>
    ${tickets.length > 0 ? html`<ul class="tickets" role="list">${tickets}</ul>` : html`<p class="quiet">${words.connections.none}</p>`}
  </section>
  <section aria-labelledby="services">
    <h2 id="services">${tickets.length > 0 ? words.services.more : words.services.title}</h2>
    <ul role="list">${services.map(service => blank(service, connected.has(service.id), reader))}</ul>
    <p class="quiet">${words.services.google}</p>
  </section>
  <section aria-labelledby="account">
    <h2 id="account">${words.account.title}</h2>
    <p class="quiet">${fill(words.signedInAs, { name: name(user.email || nameOf(user)) })}</p>
    <div class="actions"><a class="button danger" href="delete-account">${words.account.delete}</a></div>
  </section>
  ${wordsForScript(reader)}`
  }
}

/** The same page for those who are not. */
export function toWelcomePage(outcome: Outcome | undefined, reader: Reader): Page {
  const { welcome, accounts, leaving } = reader.words
  return {
    title: accounts,
    hasFooter: true,
    head: script,
    content: html`${toMessage(outcome, reader)}
  <div id="progress" role="status" data-leaving="${leaving.title}"></div>
  ${card(html`<h2>${welcome.title}</h2>
      <p>${welcome.text}</p>
      <a class="button main" href="auth/google" data-leave>${welcome.button}</a>
      <p class="when">${welcome.note}</p>`)}`
  }
}

const script = html`<script type="module" src="page.js"></script>
`

const nameOf = ({ name, email, externalId }: UserView) => name || email || externalId || ''

function toWho(user: UserView, { words }: Reader): Html {
  const shown = nameOf(user)
  const initials = shown.split(/\s+/, 2).map(part => [...part][0]?.toUpperCase())
  const said = fill(words.signedInAs, { name: name(shown) })
  return html`<div class="who">
    <span class="initials" aria-hidden="true">${initials}</span>
    <span class="name" aria-hidden="true">${name(shown)}</span>${unseen(said)}
    <form method="post" action="sign-out"><button type="submit">${words.signOut}</button></form>
  </div>`
}

/** A service not yet connected: what it would let apps do stands before Google asks. */
function blank(service: Service, isConnected: boolean, reader: Reader): Html {
  const { words } = reader
  const of = fill(words.services.account, { service: service.title })
  return html`<li class="blank">
    <div><h3>${service.title}</h3>${permissions(words.services.lets, service.scopes, service, reader)}</div>
    <a class="button${!isConnected && ' main'}" href="connect/${service.id}" data-leave>${isConnected ? words.services.another : words.services.connect}${unseen(html` ${of}`)}</a>
  </li>`
}

/** What page.js may have to say when it fetches mail. */
function wordsForScript({ words }: Reader): Html {
  const { mail, codes, otherwise, again, wait } = words
  const codesOfMail = [
    'database_unavailable',
    'google_rate_limited',
    'google_unavailable',
    'internal',
    'mailbox_unavailable',
    'missing_scopes',
    'offline',
    'rate_limited'
  ] as const
  const said = {
    ...mail,
    again,
    wait,
    otherwise,
    codes: Object.fromEntries(codesOfMail.map(code => [code, codes[code]]))
  }
  return html`<template id="words" data-words="${JSON.stringify(said)}"></template>`
}
