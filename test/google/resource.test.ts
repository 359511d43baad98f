import t from 'tap'
import { requireResource } from '../../src/google/resource.ts'

const refused = (value: unknown) => {
  try {
    requireResource(value)
    return undefined
  } catch (error) {
    return ((error as Error).cause as { code: string }).code
  }
}

t.test('[F20] resource › what is no object › refused', async t => {
  for (const value of [undefined, null, [], [{}], 'text', 1, true]) t.equal(refused(value), 'no_json_object')
})

t.test('[F20] resource › a field of another kind, wherever it stands › refused by its name', async t => {
  for (const [value, code] of [
    [{ emailAddress: [] }, 'unusable_emailAddress'],
    [{ messagesTotal: '7' }, 'unusable_messagesTotal'],
    [{ sizeEstimate: 1.5 }, 'unusable_sizeEstimate'],
    [{ historyId: -1 }, 'unusable_historyId'],
    [{ labelIds: [null] }, 'unusable_labelIds'],
    [{ messages: {} }, 'unusable_messages'],
    [{ messages: [null] }, 'unusable_messages'],
    [{ messages: [{ id: {} }] }, 'unusable_id'],
    [{ payload: { parts: [{ headers: [{ name: 1 }] }] } }, 'unusable_name'],
    [{ items: [{ start: 'today' }] }, 'unusable_start'],
    [{ sendAs: [{ isPrimary: 'yes' }] }, 'unusable_isPrimary']
  ] as const)
    t.equal(refused(value), code, JSON.stringify(value))
})

t.test('[F20] resource › null, unknown fields, a mail that is thousands deep, a long list › taken', async t => {
  const resource = { id: 'm1', labelIds: null, payload: { parts: [{ body: null }] } }
  requireResource(resource)
  t.strictSame(resource, { id: 'm1', payload: { parts: [{}] } })
  t.equal(refused({ extendedProperties: { private: { size: 'large', id: 7 } }, new: null }), undefined)
  let deep: object = { size: 1 }
  for (let depth = 0; depth < 100_000; depth++) deep = { parts: [deep] }
  t.equal(refused(deep), undefined)
  t.equal(refused({ items: Array(1_000_000).fill({}) }), undefined)
})
