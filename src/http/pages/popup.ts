import { isErrorCode } from '../../errors.ts'
import { html } from '../html.ts'
import { card } from './card.ts'
import type { Page } from './frame.ts'
import { explain } from './outcome.ts'
import type { Reader } from './words.ts'

/** How a flow in a popup ended, for its opener. */
export type PopupOutcome = { status: string; connection?: string }

/** What the query says, if guichet can have written all of it. A sign-in that went well has no status of its own. */
export function toPopupOutcome(status = 'signed_in', connection = ''): PopupOutcome | undefined {
  if (status === 'connected') return /^[0-9a-f]{24}$/.test(connection) ? { status, connection } : undefined
  return status === 'signed_in' || isErrorCode(status) ? { status } : undefined
}

/** The last page of a popup; its script hands the outcome to the origin `to`, where there is one, and closes it. */
export function toPopupPage(to: string | undefined, outcome: PopupOutcome | undefined, reader: Reader): Page {
  const { popup } = reader.words
  const isBad = outcome !== undefined && isErrorCode(outcome.status)
  return {
    title: popup.title,
    content: html`${card(html`${isBad && explain(outcome.status, reader)}<p>${popup.text}</p>`)}
  ${
    to !== undefined &&
    outcome &&
    html`<template id="outcome" data-to="${to}" data-outcome="${JSON.stringify(outcome)}"></template>
  <script type="module" src="popup.js"></script>`
  }`
  }
}
