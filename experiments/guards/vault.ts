import { guardsOf } from './guard.ts'

const vault = 'src/vault/vault.ts'
const everywhereElse = '[R55] vault › an envelope opens nowhere but where it was sealed'
const earlier = '[R55] vault › an unchanged envelope of the earlier version opens where it was sealed'

export const vaultGuards = [
  ...guardsOf('plugins/readiness.ts', 'test/vault/wrong-key.test.ts', [
    [
      'nothing is worked on with a wrong key',
      '[R58][F41] wrong key › noticed only when the database is back › no work is done meanwhile',
      '      await prepare()\n      if (!unprepared) {\n',
      '      app.background.start()\n      await prepare()\n      if (!unprepared) {\n'
    ]
  ]),
  ...guardsOf(vault, 'test/vault/vault.test.ts', [
    [
      'a value belongs to its owner',
      everywhereElse,
      "'guichet', ...sealedBy, owner, record, field",
      "'guichet', ...sealedBy, record, field"
    ],
    [
      'a value of the earlier version belongs to its record',
      earlier,
      "'guichet', ...sealedBy, owner, record, field",
      "'guichet', ...sealedBy, owner, field"
    ],
    [
      'a value belongs to its field',
      everywhereElse,
      "'guichet', ...sealedBy, owner, record, field",
      "'guichet', ...sealedBy, owner, record"
    ],
    [
      'a value of the earlier version belongs to its key',
      earlier,
      "'guichet', ...sealedBy, owner, record, field",
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
      'createDecipheriv(algorithm, sealingKey, nonceRaw, { authTagLength: tagBytes })',
      'createDecipheriv(algorithm, sealingKey, nonceRaw)'
    ],
    [
      'an envelope has one spelling',
      '[R54] vault › every changed character is refused',
      "[nonce, sealed, tag].some((part, index) => raw[index]?.toString('base64url') !== part)",
      'nonce === undefined'
    ],
    [
      'each record has a key of its own',
      '[R54] vault › each record is sealed under a key of its own',
      'version, id, record].join',
      'version, id].join'
    ],
    [
      'a nonce is used once',
      '[R54] vault › the nonces of 100 000 envelopes',
      '    pool = pool.subarray(nonceBytes)\n',
      ''
    ],
    [
      'there is no vault without a key',
      '[R54] vault › cannot be made without a key',
      "  if (!primary) throw new Error('the key ring is empty')\n",
      ''
    ]
  ]),
  ...guardsOf('src/vault/check.ts', 'test/vault/wrong-key.test.ts', [
    [
      'a wrong key is told at boot',
      '[R58] wrong key › at any place in the ring › it is detected',
      '    if (check) vault.open(check, context)\n',
      ''
    ]
  ]),
  ...guardsOf('src/commands/rotate-vault.ts', 'test/vault/rotate.test.ts', [
    [
      'the check values are sealed again too',
      '[R56] rotate › envelopes of the earlier version › are read, and sealed again in the current form',
      '  await resealChecks(config.vaultKeys, database.collection(vaultCheckCollection))\n',
      ''
    ]
  ]),
  ...guardsOf('plugins/readiness.ts', 'test/vault/wrong-key.test.ts', [
    [
      'a wrong key ends the boot',
      '[R58][F41] wrong key › the start fails, nothing changes, and the right key works afterwards',
      "      if (hasCode(unprepared, 'unsealable')) throw unprepared\n",
      ''
    ]
  ])
]
