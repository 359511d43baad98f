import { createDecipheriv, hkdfSync } from 'node:crypto'
import t from 'tap'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { hasCode } from '../../src/errors.ts'
import { createVault, type SealContext, type Vault } from '../../src/vault/vault.ts'
import { sealAsBefore } from './earlier-version.ts'

const key = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) })
const here: SealContext = { owner: 'user-1', record: 'connection-1', field: 'accessToken' }

function isRefused(vault: Vault, envelope: string, context = here): boolean {
  try {
    vault.open(envelope, context)
    return false
  } catch (error) {
    return hasCode(error, 'unsealable')
  }
}

t.test('[R54] vault › any sealed text › opens as it was', async t => {
  const vault = createVault([key('k1', 1)])
  for (const text of ['', 'x', 'ya29.token', 'ünïcödé 🗝', 'a'.repeat(100_000), 'line\nline\0']) {
    t.equal(vault.open(vault.seal(text, here), here), text)
  }
})

t.test('[R54] vault › the nonces of 100 000 envelopes are all different', async t => {
  const vault = createVault([key('k1', 1)])
  const nonces = new Set<string>()
  const sealed = new Set<string>()
  for (let n = 0; n < 100_000; n++) {
    const [, , nonce = '', ciphertext = ''] = vault.seal('the same text', here).split('.')
    nonces.add(nonce)
    sealed.add(ciphertext)
  }
  t.equal(nonces.size, 100_000)
  t.equal(sealed.size, 100_000)
  t.ok([...nonces].every(nonce => Buffer.from(nonce, 'base64url').length === 12))
})

t.test('[R54] vault › vaults with one key draw different nonces', async t => {
  const nonces = Array.from(
    { length: 1000 },
    () =>
      createVault([key('k1', 1)])
        .seal('text', here)
        .split('.')[2]
  )
  t.equal(new Set(nonces).size, 1000)
})

t.test('[R54] vault › every flipped bit of nonce, ciphertext and tag is refused', async t => {
  const vault = createVault([key('k1', 1)])
  const parts = vault.seal('ya29.a token of some length', here).split('.')
  let refused = 0
  for (const part of [2, 3, 4]) {
    const bytes = Buffer.from(parts[part] ?? '', 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (isRefused(vault, parts.with(part, changed.toString('base64url')).join('.'))) refused++
      else t.fail(`bit ${bit} of part ${part}`)
    }
  }
  t.equal(refused, (12 + 27 + 16) * 8)
})

t.test('[R54] vault › every changed character is refused, and every cut', async t => {
  const vault = createVault([key('k1', 1), key('k2', 2)])
  const envelope = vault.seal('ya29.token', here)
  const opened: string[] = []
  for (let at = 0; at < envelope.length; at++) {
    for (const other of ['A', 'B', '.', '=', ' ', '+']) {
      const changed = envelope.slice(0, at) + other + envelope.slice(at + 1)
      if (changed !== envelope && !isRefused(vault, changed)) opened.push(`${other} at ${at}`)
    }
    if (!isRefused(vault, envelope.slice(0, at))) opened.push(`cut at ${at}`)
  }
  for (const [before, after] of [
    [' ', ''],
    ['', ' '],
    ['', '='],
    ['', '.'],
    ['', '.AAAA'],
    ['.', '']
  ]) {
    if (!isRefused(vault, before + envelope + after)) opened.push(`with ${before} and ${after}`)
  }
  for (const other of ['', '.', '...', '....', 'k1', 'k1...', 'v2.k1...', 'v2..'])
    if (!isRefused(vault, other)) opened.push(other)
  t.same(opened, [])
})

t.test('[R54] vault › a shortened tag is refused: each byte less is 256 times easier to guess', async t => {
  const vault = createVault([key('k1', 1)])
  const [version, id, nonce, sealed, tag = ''] = vault.seal('ya29.token', here).split('.')
  for (const length of [0, 4, 8, 12, 13, 14, 15]) {
    const short = Buffer.from(tag, 'base64url').subarray(0, length).toString('base64url')
    t.ok(isRefused(vault, [version, id, nonce, sealed, short].join('.')), `${length} bytes`)
  }
})

t.test('[R55] vault › an envelope opens nowhere but where it was sealed', async t => {
  const vault = createVault([key('k1', 1)])
  const envelope = vault.seal('ya29.token', here)
  t.ok(isRefused(vault, envelope, { ...here, owner: 'user-2' }), 'another user')
  t.ok(isRefused(vault, envelope, { ...here, record: 'connection-2' }), 'another connection')
  t.ok(isRefused(vault, envelope, { ...here, field: 'refreshToken' }), 'another field')
  t.ok(isRefused(vault, envelope, { owner: 'user-1connection-1', record: '', field: 'accessToken' }), 'run together')
  t.equal(vault.open(envelope, here), 'ya29.token')
})

t.test('[R55] vault › the key id is part of what is authenticated', async t => {
  // The same bytes under two ids: only the name differs.
  const vault = createVault([key('k1', 1), key('k2', 1)])
  const envelope = vault.seal('ya29.token', here)
  t.ok(isRefused(vault, envelope.replace('.k1.', '.k2.')))
})

t.test('[R56] vault › the first key seals, all keys open, and a removed key opens nothing', async t => {
  const old = createVault([key('k1', 1)])
  const both = createVault([key('k2', 2), key('k1', 1)])
  const next = createVault([key('k2', 2)])
  const oldEnvelope = old.seal('ya29.token', here)
  const newEnvelope = both.seal('ya29.token', here)
  t.match(oldEnvelope, /^v2\.k1\./)
  t.match(newEnvelope, /^v2\.k2\./)
  t.equal(both.open(oldEnvelope, here), 'ya29.token')
  t.equal(next.open(newEnvelope, here), 'ya29.token')
  t.ok(isRefused(next, oldEnvelope))
  t.ok(isRefused(createVault([key('k1', 3)]), oldEnvelope), 'another key of that id')
  t.same(both.keyIds, ['k2', 'k1'])
})

t.test('[R55] vault › an unchanged envelope of the earlier version opens where it was sealed', async t => {
  const vault = createVault([key('k2', 2), key('k1', 1)])
  const envelope = sealAsBefore('ya29.token', here, key('k1', 1))
  t.equal(vault.open(envelope, here), 'ya29.token')
  t.notOk(envelope.startsWith(vault.prefix))
  t.ok(isRefused(vault, `v2.${envelope}`), 'as one of this version')
  t.ok(isRefused(vault, vault.seal('ya29.token', here).slice(3)), 'this version as that one')
  for (const change of [{ owner: 'user-2' }, { record: 'connection-2' }, { field: 'refreshToken' }])
    t.ok(isRefused(vault, envelope, { ...here, ...change }))
  for (let at = 0; at < envelope.length; at++) {
    for (const other of ['A', 'B', '.', '='])
      if (envelope[at] !== other && !isRefused(vault, envelope.slice(0, at) + other + envelope.slice(at + 1)))
        t.fail(`${other} at ${at}`)
  }
  // A key may have this version's name.
  const named = key('v2', 5)
  t.equal(createVault([named]).open(sealAsBefore('x', here, named), here), 'x')
})

t.test('[R54] vault › each record is sealed under a key of its own, derived by HKDF-SHA-256', async t => {
  const vault = createVault([key('k1', 1)])
  const opensBy = (envelope: string, info: string) => {
    const [version, id, nonce = '', sealed = '', tag = ''] = envelope.split('.')
    const derived = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 1), '', info, 32))
    const decipher = createDecipheriv('aes-256-gcm', derived, Buffer.from(nonce, 'base64url'))
    decipher.setAAD(Buffer.from(['guichet', version, id, here.owner, here.record, here.field].join('\0')))
    decipher.setAuthTag(Buffer.from(tag, 'base64url'))
    return decipher.update(sealed, 'base64url', 'utf8') + decipher.final('utf8')
  }
  const envelope = vault.seal('ya29.token', here)
  t.equal(opensBy(envelope, 'guichet\0v2\0k1\0connection-1'), 'ya29.token')
  t.throws(() => opensBy(envelope, 'guichet\0v2\0k1\0connection-2'))
})

t.test('[R54] vault › cannot be made without a key', async t => {
  t.throws(() => createVault([]), { message: 'the key ring is empty' })
  t.same(parseKeyRing(''), [])
  t.same(parseKeyRing(`k1:${Buffer.alloc(32, 1).toString('base64')},`), [])
})
