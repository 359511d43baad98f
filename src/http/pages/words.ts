import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyRequest } from 'fastify'
import type english from '../../../web/words.en.json'
import type { Service } from '../../catalogue.ts'
import { findService } from '../../catalogue.ts'

/** What the pages say. A further language is one more file: what it leaves out is said in English. */
export type Words = typeof english

/** The reader of a page. */
export interface Reader {
  /** A language of words.*.json. */
  lang: string
  words: Words
}

const web = join(import.meta.dirname, '../../../web')
const readWords = (lang: string) => JSON.parse(readFileSync(join(web, `words.${lang}.json`), 'utf8'))
const inEnglish: Words = readWords('en')
const readers = new Map(
  readdirSync(web)
    .map(file => /^words\.([a-z]{2,3}(?:-[A-Za-z]+)*)\.json$/.exec(file)?.[1])
    .filter(lang => lang !== undefined)
    // English first: it is the choice for `*`.
    .sort((a, b) => Number(b === 'en') - Number(a === 'en'))
    .map(lang => [lang, { lang, words: complete(inEnglish, readWords(lang)) }])
)

export const languages: readonly string[] = [...readers.keys()]

/** The reader of a request, by its Accept-Language; English if it names no language that guichet has. */
export function readerOf(request: FastifyRequest): Reader {
  return readers.get(request.accepts().languages([...languages]) || 'en') ?? englishReader
}

const englishReader: Reader = { lang: 'en', words: inEnglish }

function complete<T extends object>(all: T, some: Partial<T>): T {
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => {
      const own: unknown = some[key as keyof T]
      return [key, typeof value === 'object' ? complete(value, (own ?? {}) as object) : (own ?? value)]
    })
  ) as T
}

/** A text by a key from outside, if there is one. */
export function wordsOf<T extends string>(group: Record<T, string>, key: string): string | undefined {
  return Object.hasOwn(group, key) ? group[key as T] : undefined
}

/** What scopes let an app do; a scope without words is shown as the service's purpose, or by its name. */
export function permissionsOf(scopes: readonly string[], service: Service | string, { words }: Reader): string[] {
  const entry = typeof service === 'string' ? findService(service) : service
  const said = scopes.map(scope => {
    const short = scope.slice(scope.lastIndexOf('/') + 1)
    return wordsOf(words.permissions, short) ?? entry?.purpose ?? short
  })
  return [...new Set(said)]
}
