import addressparser from 'nodemailer/lib/addressparser'
import { decodeWords, unfold } from './header-words.ts'

export interface Address {
  /** Decoded; empty where the mail gives none. */
  name: string
  /** As it stands; empty where there is only a name (`To: undisclosed recipients`). */
  address: string
}

/**
 * The people of an address header, groups opened. Parsed first and decoded after: an encoded comma would else make two
 * of one person. A name whose quotes Gmail has decoded away (`Müller, Zoë <z@…>`) stays one too.
 */
export function readAddresses(value: string): Address[] {
  return addressparser(unfold(value), { flatten: true }).map(({ name, address }) => {
    // `From: root` is a mailbox of the sender's own machine.
    if (address === '' && /^[\w.+-]{1,64}$/.test(name)) return { name: '', address: name }
    return { name: decodeWords(name).trim(), address: address.trim() }
  })
}
