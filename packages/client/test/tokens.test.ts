import t from 'tap'
import { createTokens } from '../src/tokens.ts'

function createVendor() {
  let nowMs = 0
  const asked: unknown[] = []
  const call = async <T>({ path, body }: { path: string; body?: object }) => {
    asked.push([path, body])
    return { access_token: `token ${asked.length}`, expires_in: 3600 } as T
  }
  const tokens = createTokens(call, () => nowMs)
  return { tokens, asked, advance: (seconds: number) => (nowMs += seconds * 1000) }
}

t.test('token › many callers at once › fetched once', async t => {
  const { tokens, asked } = createVendor()
  const given = await Promise.all(Array.from({ length: 50 }, () => tokens.get('a/b')))
  t.same(new Set(given), new Set(['token 1']))
  t.same(asked, [['connections/a%2Fb/token', { minTtlSeconds: 60 }]])
  t.equal(await tokens.get('other'), 'token 2', 'another connection has its own')
})

t.test('token › kept until 60 s before it expires, or the chosen margin', async t => {
  const { tokens, asked, advance } = createVendor()
  await tokens.get('c')
  advance(3539)
  t.equal(await tokens.get('c'), 'token 1')
  t.equal(await tokens.get('c', { minTtlSeconds: 600 }), 'token 2')
  t.same(asked.at(-1), ['connections/c/token', { minTtlSeconds: 600 }])
  advance(3540)
  t.equal(await tokens.get('c', { minTtlSeconds: 0 }), 'token 3')
})

t.test('token › too old, forgotten or refused › fetched again', async t => {
  const { tokens } = createVendor()
  t.equal(await tokens.get('c'), 'token 1')
  t.equal(await tokens.get('c', { fresh: true }), 'token 2')
  tokens.forget('c')
  t.equal(await tokens.get('c'), 'token 3')

  let refusals = 0
  const refusing = createTokens(
    async () => {
      refusals++
      throw new Error('no')
    },
    () => 0
  )
  await t.rejects(refusing.get('c'), { message: 'no' })
  await t.rejects(refusing.get('c'), { message: 'no' })
  t.equal(refusals, 2, 'a refusal is not kept')
})
