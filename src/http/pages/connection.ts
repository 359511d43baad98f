import { findService, type Service } from '../../catalogue.ts'
import { warningMs } from '../../connections/expiry.ts'
import { fill, type Html, html, name, trusted } from '../html.ts'
import type { ConnectionView } from '../views/connection.ts'
import { time, unseen } from './card.ts'
import { permissionsOf, type Reader } from './words.ts'

const hourMs = 3_600_000
const readScopes = ['gmail.readonly', 'gmail.modify'].map(scope => `https://www.googleapis.com/auth/${scope}`)

export interface TicketOptions {
  number: number
  nowMs: number
  /** Just connected: its stamp comes down. */
  isFresh: boolean
}

/** A connection as a ticket: what it lets apps do, what is wrong with it, and the one button that repairs it. */
export function toTicket(connection: ConnectionView, reader: Reader, { number, nowMs, isFresh }: TicketOptions): Html {
  const { words, lang } = reader
  const { id, service, status, account, createdAt } = connection
  const title = findService(service)?.title ?? service
  const of = fill(words.connections.of, { service: title, account: name(account.email) })
  const isEnding = endsInMs(connection, nowMs) < warningMs
  const repair =
    (status !== 'active' || isEnding) &&
    html`<a class="button main" href="connect/${service}?connectionId=${id}" data-leave>${words.connections.reconnect}${unseen(html` ${of}`)}</a>`
  return html`<li><article class="ticket ${status}${isFresh && ' fresh'}" aria-label="${title}, ${account.email}">
    ${stub(title, number)}
    <div class="face">
      <div class="top"><h3>${title}</h3><p class="stamp">${words.connections.states[status]}</p></div>
      <p class="account">${breakable(account.email)}</p>
      ${notesOf(connection, reader, nowMs)}
      <p class="when">${fill(words.connections.since, { time: time(createdAt, lang) })}</p>
      ${status !== 'needs_reconnect' && mail(connection, reader)}
      <div class="actions">
        ${repair}
        <a class="button danger" href="disconnect?connection=${id}">${words.connections.disconnect}${unseen(html` ${of}`)}</a>
      </div>
    </div>
  </article></li>`
}

function notesOf(connection: ConnectionView, reader: Reader, nowMs: number): Html[] {
  const { words, lang } = reader
  const { service, status, reason, missingScopes, refreshTokenExpiresAt } = connection
  if (status === 'needs_reconnect') return [html`<p>${words.reasons[reason ?? 'revoked']}</p>`]
  const missing = new Set(missingScopes)
  const open = (findService(service)?.scopes ?? []).filter(scope => !missing.has(scope))
  const notes: Html[] = []
  if (open.length > 0) notes.push(permissions(words.connections.may, open, service, reader))
  if (missing.size > 0)
    notes.push(
      html`<div class="warning">${permissions(words.connections.mayNot, missingScopes, service, reader)}<p>${words.connections.tick}</p></div>`
    )
  const leftMs = endsInMs(connection, nowMs)
  if (leftMs < warningMs) {
    const hours = Math.max(1, Math.round(leftMs / hourMs))
    const soon = new Intl.RelativeTimeFormat(lang).format(hours, 'hour')
    const at = time(refreshTokenExpiresAt ?? '', lang)
    notes.push(html`<p class="warning">${fill(words.connections.ends, { soon, time: at })}</p>`)
  }
  return notes
}

/** A sentence that begins, and its ends as a list. */
export function permissions(lead: string, scopes: readonly string[], service: Service | string, reader: Reader): Html {
  const items = permissionsOf(scopes, service, reader).map(permission => html`<li>${permission}</li>`)
  return html`<div><p>${lead}</p><ul class="permissions" role="list">${items}</ul></div>`
}

function endsInMs({ refreshTokenExpiresAt }: ConnectionView, nowMs: number): number {
  return refreshTokenExpiresAt ? Date.parse(refreshTokenExpiresAt) - nowMs : Number.POSITIVE_INFINITY
}

/** Shown by page.js: without a script nothing could be fetched. */
function mail({ id, service, account, grantedScopes }: ConnectionView, { words }: Reader): Html | undefined {
  if (service !== 'gmail' || !grantedScopes.some(scope => readScopes.includes(scope))) return undefined
  const of = fill(words.mail.of, { account: account.email })
  return html`<details class="mail" data-mail="connections/${id}/gmail/messages" hidden>
    <summary>${words.mail.show}${unseen(html` ${of}`)}</summary>
    <div><p class="quiet" role="status"></p><ul role="list"></ul></div>
  </details>`
}

/** Google Calendar, Google Drive: the last word tells them apart. */
function stub(title: string, number: number): Html {
  const letter = title.split(' ').at(-1)?.slice(0, 1)
  return html`<div class="stub" aria-hidden="true">${letter}<small>Nº ${number}</small></div>`
}

/** An address may break before its @. */
function breakable(email: string): Html {
  return html`${email.split(/(?=@)/).map(part => html`${trusted('<wbr>')}${part}`)}`
}
