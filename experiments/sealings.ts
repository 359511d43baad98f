import { randomBytes } from 'node:crypto'
import { createVault, type SealContext } from '../src/vault/vault.ts'
import type { Random } from './random.ts'

const context: SealContext = { owner: 'someone', record: 'a record', field: 'refreshToken' }
const words = 3
const reportEvery = 1_000_000

const newVault = () => createVault([{ id: 'k1', key: randomBytes(32) }])

/** Seals so many times and keeps every nonce, all 96 bits of it: after how many one came again, if one did. */
export function findRepeatedNonce(count: number, progress: (text: string) => void): number | undefined {
  const vault = newVault()
  // An open-addressing table of three words a nonce, at most two thirds full; a zero nonce would look like a free place.
  const places = 2 ** Math.ceil(Math.log2(count * 1.5))
  const table = new Uint32Array(places * words)
  for (let sealed = 1; sealed <= count; sealed++) {
    const nonce = Buffer.from(vault.seal('', context).split('.')[2] ?? '', 'base64url')
    if (nonce.length !== words * 4) return sealed
    const [first, second, third] = [nonce.readUInt32LE(0), nonce.readUInt32LE(4), nonce.readUInt32LE(8)]
    let at = (first % places) * words
    while (table[at] || table[at + 1] || table[at + 2]) {
      if (table[at] === first && table[at + 1] === second && table[at + 2] === third) return sealed
      at = (at + words) % table.length
    }
    table.set([first, second, third], at)
    if (sealed % reportEvery === 0) progress(`${sealed} sealings`)
  }
  return undefined
}

/** Envelopes of a token with each byte of nonce, ciphertext and tag changed to each of its 255 other values: how many still open. */
export function findChangedThatOpens(envelopes: number, random: Random): { tried: number; opened: number } {
  const vault = newVault()
  let tried = 0
  let opened = 0
  for (let envelope = 0; envelope < envelopes; envelope++) {
    const token = `1//0${randomBytes(48 + random.below(48)).toString('base64url')}`
    const [version, id, ...parts] = vault.seal(token, context).split('.')
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, 'base64url')
      for (let position = 0; position < bytes.length; position++) {
        for (let change = 1; change < 256; change++) {
          const changed = Buffer.from(bytes)
          changed.writeUInt8(changed.readUInt8(position) ^ change, position)
          tried++
          if (opens([version, id, ...parts.with(index, changed.toString('base64url'))].join('.'))) opened++
        }
      }
    }
  }
  return { tried, opened }

  function opens(changed: string): boolean {
    try {
      vault.open(changed, context)
      return true
    } catch {
      return false
    }
  }
}
