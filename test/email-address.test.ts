import t from 'tap'
import { isSameAddress, toComparableAddress, toComparableDomain } from '../src/email-address.ts'

t.test('e-mail address › two spellings of one mailbox › equal', async t => {
  for (const [one, other] of [
    ['ada@example.com', 'ADA@Example.COM'],
    ['ada@gmail.com', 'Ada@googlemail.com'],
    ['ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
    ['ada@B\u00dcCHER.example', 'ada@XN--BCHER-KVA.Example'],
    ['ada@bu\u0308cher.example', 'ada@b\u00fccher.example'],
    ["o'brien+x@example.com", "O'Brien+X@example.com"]
  ] as const) {
    t.ok(isSameAddress(one, other), `${one} and ${other}`)
    t.ok(isSameAddress(other, one))
  }
})

t.test('e-mail address › two that only look alike › not equal', async t => {
  for (const [one, other] of [
    ['kate@example.com', '\u212aate@example.com'],
    ['eve@kelvin.example', 'eve@\u212aelvin.example'],
    ['sam@example.com', '\u017fam@example.com'],
    ['ada@example.com', 'ada@example.com.'],
    ['ada@example.com', 'ada\uff20example.com'],
    ['ada@example.com', 'ada@example\uff0ecom'],
    ['ada@example.com', 'ad\u0430@example.com'],
    ['ada@example.com', 'ada@ex\u0430mple.com'],
    ['ada@example.com', 'a.da@example.com'],
    ['ada@example.com', 'ada@example.com\u200b'],
    ['ada@example.com', 'ada\u00ad@example.com'],
    ['ada@example.com', ' ada@example.com'],
    ['ada@example.com', 'ada@example.com\n'],
    ['ada@example.com', 'Ada <ada@example.com>'],
    ['ada@example.com', 'mailto:ada@example.com']
  ] as const) {
    t.notOk(isSameAddress(one, other), `${JSON.stringify(one)} and ${JSON.stringify(other)}`)
  }
})

t.test('e-mail address › text that is not an address › equals nothing, not even itself', async t => {
  for (const text of [
    '',
    '@',
    'ada',
    'ada@',
    '@example.com',
    'ada@example',
    'ada@b@example.com',
    '"a b"@example.com'
  ]) {
    t.equal(toComparableAddress(text), undefined, text)
    t.notOk(isSameAddress(text, text), text)
  }
  for (const text of ['', '.', 'example', 'example..com', '-a.com', 'a-.com', 'a b.com', `${'a'.repeat(64)}.com`])
    t.equal(toComparableDomain(text), undefined, text)
})
