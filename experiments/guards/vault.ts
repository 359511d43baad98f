import { guardsOf } from './guard.ts'

const vault = 'src/vault/vault.ts'
const everywhereElse = '[R55] vault › an envelope opens nowhere but where it was sealed'

export const vaultGuards = [
  ...guardsOf('plugins/readiness.ts', 'test/vault/wrong-key.test.ts', [
    [
      'nothing is worked on with a wrong key',
      '[R58][F41] wrong key › seen only when the database is back',
      '      await prepare()\n      if (!unprepared) {\n',
      '      app.background.start()\n      await prepare()\n      if (!unprepared) {\n'
    ]
  ]),
  ...guardsOf(vault, 'test/vault/vault.test.ts', [
    [
      'a value belongs to its owner',
      everywhereElse,
      "'guichet', keyId, owner, record, field",
      "'guichet', keyId, record, field"
    ],
    [
      'a value belongs to its record',
      everywhereElse,
      "'guichet', keyId, owner, record, field",
      "'guichet', keyId, owner, field"
    ],
    [
      'a value belongs to its field',
      everywhereElse,
      "'guichet', keyId, owner, record, field",
      "'guichet', keyId, owner, record"
    ],
    [
      'a value belongs to its key',
      '[R55] vault › the key id is part of what is authenticated',
      "'guichet', keyId, owner, record, field",
      "'guichet', owner, record, field"
    ],
    [
      'a value is authenticated',
      '[R54] vault › every flipped bit',
      '[decipher.update(sealedRaw), decipher.final()]',
      '[decipher.update(sealedRaw)]'
    ],
    [
      'a tag is whole',
      '[R54] vault › a shortened tag is refused',
      'createDecipheriv(algorithm, key, nonceRaw, { authTagLength: tagBytes })',
      'createDecipheriv(algorithm, key, nonceRaw)'
    ],
    [
      'an envelope has one spelling',
      '[R54] vault › every changed character is refused',
      "[nonce, sealed, tag].some((part, index) => parts[index]?.toString('base64url') !== part)",
      'nonce === undefined'
    ],
    [
      'a nonce is used once',
      '[R54] vault › the nonces of 100 000 envelopes',
      '    pool = pool.subarray(nonceBytes)\n',
      ''
    ],
    [
      'there is no vault without a key',
      '[R54] vault › there is no vault without a key',
      "  if (!primary) throw new Error('the key ring is empty')\n",
      ''
    ]
  ]),
  ...guardsOf('src/vault/check.ts', 'test/vault/wrong-key.test.ts', [
    [
      'a wrong key is told at boot',
      '[R58] wrong key › it is detected wherever in the ring',
      '    if (check) vault.open(check, context)\n',
      ''
    ]
  ]),
  ...guardsOf('plugins/readiness.ts', 'test/vault/wrong-key.test.ts', [
    [
      'a wrong key ends the boot',
      '[R58][F41] wrong key › the boot fails',
      "      if (hasCode(unprepared, 'unsealable')) throw unprepared\n",
      ''
    ]
  ])
]
