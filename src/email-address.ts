import { domainToASCII } from 'node:url'

/** One mailbox domain under two names, both Google's. */
const gmailDomains = new Set(['gmail.com', 'googlemail.com'])

/** Unlike toLowerCase, it never turns another character into an ASCII letter: the Kelvin sign stays different from k. */
function toLowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, letter => letter.toLowerCase())
}

/** A letter that has a form in punycode; what folds to ASCII instead, such as a full-width dot, looks like another domain. */
const hasOwnForm = (letter: string) => /[\0-\x7f\p{M}]/u.test(letter) || domainToASCII(letter).startsWith('xn--')

/** A domain as it is compared: in lower case, its labels in punycode, Google's two names as one; undefined if it is not a domain. */
export function toComparableDomain(text: string): string | undefined {
  if (![...text].every(hasOwnForm)) return undefined
  const labels = text.split('.').map(label => (/^[\0-\x7f]*$/.test(label) ? toLowerAscii(label) : domainToASCII(label)))
  if (labels.length < 2 || !labels.every(label => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)))
    return undefined
  const domain = labels.join('.')
  return gmailDomains.has(domain) ? 'gmail.com' : domain
}

/** An address as it is compared; undefined if it is not an address with one domain, such as a quoted one. */
export function toComparableAddress(text: string): string | undefined {
  const [, local, given = ''] = /^([^@\s"<>,;:\\\p{Cc}\p{Cf}]{1,64})@([^@]{1,255})$/u.exec(text) ?? []
  const domain = toComparableDomain(given)
  return local && domain && `${toLowerAscii(local)}@${domain}`
}

/** Whether both name one mailbox: the one way in which addresses are compared. Text that is not an address equals nothing. */
export function isSameAddress(one: string, other: string): boolean {
  const comparable = toComparableAddress(one)
  return comparable !== undefined && comparable === toComparableAddress(other)
}
