import { lazily } from '../../lazily.ts'
import type { Address } from './mime/addresses.ts'
import type { OutgoingMail } from './outgoing.ts'
import type { MessageView } from './views.ts'

const entities = lazily<typeof import('entities')>('entities')
const escapeHtml = (text: string) => entities().escapeUTF8(text)

type Own = Pick<OutgoingMail, 'text' | 'html'>

const line = '---------- Forwarded message ---------'

/** The app's text, and below it the forwarded mail's with its sender, date, subject and recipients. */
export function forwardedText(parent: MessageView, { text = '' }: Own): string {
  const head = [line, ...headOf(parent).map(([name, value]) => `${name}: ${value}`)]
  return `${text}\n\n${head.join('\n')}\n\n${parent.text ?? ''}\n`
}

/** The same in html, where the app or the forwarded mail has any. */
export function forwardedHtml(parent: MessageView, { text = '', html }: Own): string | undefined {
  if (html === undefined && parent.html === null) return undefined
  const head = headOf(parent).map(([name, value]) => `${name}: ${escapeHtml(value)}<br>`)
  return [
    html ?? preformatted(text),
    `<br><div class="gmail_quote">${line}<br>${head.join('')}<br>`,
    parent.html ?? preformatted(parent.text ?? ''),
    '</div>'
  ].join('\n')
}

function headOf({ from, date, receivedAt, subject, to }: MessageView): [string, string][] {
  return [
    ['From', from ? toLine([from]) : ''],
    ['Date', date ?? receivedAt ?? ''],
    ['Subject', subject],
    ['To', toLine(to)]
  ]
}

function toLine(people: readonly Address[]): string {
  return people.map(({ name, address }) => (name ? `${name} <${address}>` : address)).join(', ')
}

function preformatted(text: string): string {
  return `<div style="white-space: pre-wrap">${escapeHtml(text)}</div>`
}
