import { isSameAddress } from '../../email-address.ts'
import { GuichetError } from '../../errors.ts'
import type { Address } from './mime/addresses.ts'
import type { OutgoingMail } from './outgoing.ts'
import type { AliasView, MessageSummary } from './views.ts'

/** What a mail takes over from the one that it answers or forwards. */
export interface Answer {
  to: Address[]
  cc: Address[]
  subject: string
  /** The conversation that it stays in. */
  threadId: string | undefined
  inReplyTo: string | undefined
  references: string[]
}

type Parent = Pick<
  MessageSummary,
  'threadId' | 'from' | 'to' | 'cc' | 'replyTo' | 'subject' | 'messageId' | 'inReplyTo' | 'references'
>
type Mode = NonNullable<OutgoingMail['inReplyToMessage']>['mode']

/** As mailers of many languages write them before an answered or forwarded subject. */
const prefixes = /^(?:(?:re|fwd?|aw|wg|sv|vs|antw|tr|rif|rv|res|enc|ref)(?:\[\d+\])?\s*:\s*)+/i
/** The first mail and the newest ones: a header of a thousand ids would be refused on its way. */
const maxReferences = 100

/**
 * Gmail keeps a mail in a conversation only where thread, references and subject all belong to it.
 * @throws GuichetError `subject_breaks_thread`
 */
export function answer(parent: Parent, mode: Mode, mail: OutgoingMail, own: readonly AliasView[]): Answer {
  const isForward = mode === 'forward'
  const opensThread = isForward || mail.newThread
  const subject = mail.subject ?? withPrefix(isForward ? 'Fwd: ' : 'Re: ', parent.subject)
  if (!opensThread) requireSameSubject(subject, parent.subject)
  const people = isForward ? { to: [], cc: [] } : recipients(parent, mode, own)
  const chain = parent.references.length > 0 ? parent.references : parent.inReplyTo ? [parent.inReplyTo] : []
  return {
    to: mail.to ?? people.to,
    cc: mail.cc ?? people.cc,
    subject,
    threadId: opensThread ? undefined : parent.threadId,
    inReplyTo: opensThread ? undefined : (parent.messageId ?? undefined),
    references: opensThread ? [] : shorten([...new Set([...chain, ...(parent.messageId ? [parent.messageId] : [])])])
  }
}

/** @throws GuichetError `subject_breaks_thread` */
export function requireSameSubject(subject: string, thread: string): void {
  if (toThreadSubject(subject) !== toThreadSubject(thread))
    throw new GuichetError('subject_breaks_thread', {
      errors: [{ pointer: '/body/subject', message: 'must be that of the conversation, or newThread be true' }]
    })
}

function toThreadSubject(subject: string): string {
  return subject.trim().replace(prefixes, '').replace(/\s+/g, ' ').toLowerCase()
}

/** The prefix once, however often the subject repeats it. */
function withPrefix(prefix: 'Re: ' | 'Fwd: ', subject: string): string {
  const own = prefix === 'Re: ' ? /^(?:re\s*:\s*)+/i : /^(?:fwd?\s*:\s*)+/i
  return prefix + subject.trim().replace(own, '')
}

/** To the addresses that the parent names for answers; for an own mail, to those it went to. All others get a copy with `replyAll`. */
function recipients(parent: Parent, mode: Mode, own: readonly AliasView[]): { to: Address[]; cc: Address[] } {
  const isOwn = ({ address }: Address) => isAliasOf(own, address)
  const isOwnMail = parent.from !== null && isOwn(parent.from)
  const asked = parent.replyTo.length > 0 ? parent.replyTo : parent.from ? [parent.from] : []
  const first = isOwnMail ? parent.to : asked
  if (mode !== 'replyAll') return { to: unique(first), cc: [] }
  const others = isOwnMail ? [] : parent.to
  const to = unique([...first, ...others]).filter(person => !isOwn(person))
  const cc = unique(parent.cc).filter(person => !isOwn(person) && !to.some(other => isSame(other, person)))
  // A reply to a mail to oneself goes to oneself.
  return { to: to.length > 0 ? to : unique(first), cc }
}

/**
 * The own address that the parent came to: the one in To before Cc, the default before others; else the default.
 */
export function receivingAlias(
  parent: Pick<Parent, 'from' | 'to' | 'cc'>,
  own: readonly AliasView[]
): AliasView | undefined {
  const preferred = own.filter(({ verified }) => verified).toSorted((one, other) => rank(other) - rank(one))
  const among = (people: readonly Address[]) =>
    preferred.find(({ address }) => people.some(person => isSame(person, { address })))
  return among(parent.to) ?? among(parent.cc) ?? (parent.from ? among([parent.from]) : undefined)
}

function rank({ isDefault, isPrimary }: AliasView): number {
  return isDefault ? 2 : isPrimary ? 1 : 0
}

function isAliasOf(own: readonly AliasView[], address: string): boolean {
  return own.some(alias => isSame(alias, { address }))
}

/** Also for text that is not a valid address: received mails may hold such. */
export function isSame(one: { address: string }, other: { address: string }): boolean {
  return one.address === other.address || isSameAddress(one.address, other.address)
}

/** Each once, without invalid ones: a single invalid address makes Gmail refuse the mail. */
function unique(people: readonly Address[]): Address[] {
  const known = people.filter(({ address }) => /.@[^@\s]/.test(address))
  return known.filter((person, at) => known.findIndex(other => isSame(other, person)) === at)
}

function shorten(references: string[]): string[] {
  const [first, ...rest] = references
  return first === undefined || references.length <= maxReferences
    ? references
    : [first, ...rest.slice(1 - maxReferences)]
}
