import { guardsOf } from './guard.ts'

const tokenAnswer = 'src/google/token-answer.ts'
const isNone = '[R74] token answer › cannot be used › refused'

export const googleGuards = [
  ...guardsOf(tokenAnswer, 'test/google/token-answer.test.ts', [
    ['a token is a bearer token', isNone, 'token_type: z.string().regex(/^bearer$/i)', 'token_type: z.any()'],
    ['a token is of printable characters', isNone, 'z.string().regex(/^[\\x21-\\x7e]{1,8192}$/)', 'z.string()'],
    ['a life is above zero', isNone, '\n  expires_in: seconds.pipe(z.number().positive())', '\n  expires_in: seconds'],
    [
      'a life has an end',
      '[R74] token answer › fields that may vary › read cautiously',
      'Math.min(answer.expires_in ?? unknownExpiresInSeconds, maxExpiresInSeconds)',
      'answer.expires_in ?? unknownExpiresInSeconds'
    ]
  ]),
  ...guardsOf('src/http/gmail.ts', 'test/services/gmail/upstream.test.ts', [
    [
      'only ids of Gmail go into a path',
      '[R81] upstream › an id that cannot be Gmail’s › never reaches Google',
      'export const GmailId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/',
      'export const GmailId = z.string().regex(/^/'
    ]
  ])
]
