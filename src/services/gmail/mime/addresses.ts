import addressparser from 'nodemailer/lib/addressparser'
import { decodeWords, unfold } from './header-words.ts'

export interface Address {
  /** Decoded; empty if the mail has none. */
  name: string
  /** As it stands; empty where there is only a name (`To: undisclosed recipients`). */
  address: string
}

/**
 * The people of an address header, groups opened. Parsed first and decoded after: an encoded comma would else make two
 * of one person. A name whose quotes Gmail has decoded away (`Müller, Zoë <z@…>`) stays one too.
 */
export function readAddresses(value: string): Address[] {
  return addressparser(shield(unfold(value)), { flatten: true }).map(({ name, address }) => {
    // `From: root` is a mailbox of the sender's own machine.
    if (address === '' && /^[\w.+-]{1,64}$/.test(name)) return { name: '', address: name }
    return { name: decodeWords(unshield(name)).trim(), address: unshield(address).trim() }
  })
}

/** Stand for a character that is part of a name: no text holds them (Unicode calls them noncharacters). */
const shields: Record<string, string> = { '"': '\ufdd0', '<': '\ufdd1', '>': '\ufdd2' }
const shielded = new RegExp(`[${Object.values(shields).join('')}]`, 'g')
const unshield = (text: string) =>
  text.replace(shielded, stand => Object.keys(shields).find(mark => shields[mark] === stand) ?? '')

/**
 * Gmail decodes a name without quoting it: a `"` in it opens no quotes, and the address in it is not the person's, which
 * comes last. Those marks are taken out of the parser's way.
 */
function shield(value: string): string {
  if (!/[<"]/.test(value)) return value
  const characters = value.replace(shielded, '').split('')
  const text = characters.join('')
  const hide = (at: number) => {
    characters[at] = shields[characters[at] ?? ''] ?? ''
  }
  /** The brackets of the present item, which end with its last pair. */
  let earlier: number[] = []
  let [depth, lastQuote, lastClose] = [0, text.lastIndexOf('"'), text.lastIndexOf('>')]
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at++
    else if (character === '(') depth++
    else if (character === ')') depth = Math.max(0, depth - 1)
    else if (depth > 0) continue
    else if (character === ',' || character === ';') earlier = []
    else if (character === '"') {
      const end = at === 0 || /[\s,:;<.]/.test(text[at - 1] ?? '') ? endOfQuotes(text, at, lastQuote) : -1
      if (end < 0) hide(at)
      else at = end
    } else if (character === '<' && at < lastClose) {
      const next = text.indexOf('<', at + 1)
      // No further than the next one: each letter is looked at once.
      const length = text.slice(at, next < 0 ? undefined : next).indexOf('>')
      if (length < 0) continue
      const end = at + length
      for (const mark of earlier) hide(mark)
      earlier = [at, end]
      at = end
    }
  }
  return characters.join('')
}

function endOfQuotes(text: string, from: number, last: number): number {
  for (let at = from + 1; at <= last; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return -1
}
