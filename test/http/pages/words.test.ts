import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { services } from '../../../src/catalogue.ts'
import { errorCodes } from '../../../src/errors.ts'
import { languages } from '../../../src/http/pages/words.ts'
import { enter } from '../../helper.ts'

const read = (lang: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../../web/words.${lang}.json`), 'utf8'))

/** Every text by its path, with the names that are filled into it. */
function textsOf(value: string | object, path = ''): [path: string, names: string][] {
  if (typeof value === 'string') return [[path, [...value.matchAll(/\{\w+\}/g)].sort().join()]]
  return Object.entries(value).flatMap(([key, inner]) => textsOf(inner, `${path}/${key}`))
}

/** Codes that only programs see: no page leads to them. */
const forPrograms = new Set<string>([
  'audit_unavailable',
  'backend_key_invalid',
  'forbidden',
  'headers_too_large',
  'idempotency_mismatch',
  'in_progress',
  'message_too_large',
  'method_not_allowed',
  'payload_too_large',
  'request_timeout',
  'send_outcome_unknown',
  'sender_not_allowed',
  'subject_breaks_thread',
  'unsupported_media_type',
  'uri_too_long'
])

t.test('words › every language has every text, with the same placeholders', async t => {
  t.same(languages, ['en', 'fr'])
  for (const lang of languages) t.same(textsOf(read(lang)), textsOf(read('en')), lang)
})

t.test('words › cover every error code a page can show, and every scope of the catalogue', async t => {
  for (const lang of languages) {
    const { codes, permissions } = read(lang)
    t.same(
      errorCodes.filter(code => !(code in codes) && !forPrograms.has(code)),
      [],
      lang
    )
    for (const scope of services.flatMap(({ scopes }) => scopes))
      t.ok(permissions[scope.slice(scope.lastIndexOf('/') + 1)], `${lang}: ${scope}`)
  }
})

t.test('words › chosen by Accept-Language › English where none of ours is asked for', async t => {
  const { app } = await enter(t)
  for (const [asked, lang] of [
    ['fr', 'fr'],
    ['fr-CA,en;q=0.5', 'fr'],
    ['de,fr;q=0.8,en;q=0.2', 'fr'],
    ['de', 'en'],
    ['*', 'en'],
    ['', 'en'],
    ['fr;q=0', 'en'],
    ['constructor, __proto__', 'en'],
    ['x'.repeat(5000), 'en']
  ]) {
    const { body } = await app.inject({ url: '/', headers: { accept: 'text/html', 'accept-language': asked } })
    t.match(body, `<html lang="${lang}">`, String(asked))
  }
  t.match((await app.inject({ url: '/', headers: { accept: 'text/html' } })).body, '<html lang="en">')
})
