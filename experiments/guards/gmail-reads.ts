import { guardsOf } from './guard.ts'

const reading = 'test/services/gmail/reading.test.ts'
const files = '[G7] attachment › hostile file names and types › harmless headers'

/** Checks on what comes out of a mailbox. */
export const gmailReadGuards = [
  ...guardsOf('src/services/gmail/mime/addresses.ts', 'test/services/gmail/mime/headers.test.ts', [
    [
      "an address in a name is not the person's",
      '[G2] addresses › marks inside a name',
      'for (const mark of earlier) hide(mark)',
      ''
    ]
  ]),
  ...guardsOf('src/services/gmail/labels.ts', reading, [
    [
      "Gmail's own labels are refused before the call",
      '[G10] labels › by name or id',
      'if (fixed.has(label.toUpperCase()))',
      'if (label === undefined)'
    ]
  ]),
  ...guardsOf('src/http/attachment-headers.ts', reading, [
    [
      'types that run something go as bytes',
      files,
      "safeTypes.has(file.mimeType) ? file.mimeType : 'application/octet-stream'",
      'file.mimeType'
    ],
    ['a file name holds no path', files, ".replace(/.*[/\\\\]/, '')", '']
  ]),
  ...guardsOf('src/google/resource.ts', reading, [
    [
      'an array is no answer',
      '[G25] answers › not a whole JSON object, under any content type › 502 on every route',
      ' && !Array.isArray(value)',
      ''
    ]
  ])
]
