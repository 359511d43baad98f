import { posix } from 'node:path'

/**
 * The rooms of the house, in the one direction in which they may look: each imports from those before it and from itself.
 * A file of `src` that is in no folder is a room of its own.
 */
export const rooms = [
  // What the pages are made of: it imports nothing.
  'web',
  'src/clock',
  'src/errors',
  'src/secrets',
  'src/retry-after',
  'src/lazily',
  'src/recently-used',
  'src/single-flight',
  'src/email-address',
  'src/catalogue',
  'src/config',
  'src/background',
  'src/observability',
  'src/database',
  'src/vault',
  'src/google',
  'src/flows',
  'src/events',
  'src/connections',
  'src/accounts',
  'src/backend',
  'src/services',
  'src/http',
  'src/commands',
  'src/decorators.d',
  'src/app',
  'src/guichet',
  'src/index',
  'src/startup',
  'src/server',
  'src/cli',
  'plugins',
  'routes'
] as const

/** Who may use a driver or a library of Google's: `mongodb`'s `ObjectId` alone may travel. */
const keepers: readonly { library: RegExp; files: RegExp }[] = [
  {
    library: /^mongodb$/,
    files: /^(src\/(database|vault|flows|events|connections|accounts|backend|services|commands)\/|plugins\/mongo\.ts$)/
  },
  { library: /^(jose|google-auth-library|gaxios)/, files: /^src\/(google|services)\// },
  { library: /^googleapis/, files: /^src\/services\// },
  { library: /^@fastify\/(mongodb|oauth2|session)$/, files: /^(plugins\/|src\/(accounts|flows)\/)/ },
  { library: /^(tap|playwright-core|emulate|@guichet\/)/, files: /^$/ }
]

/** The whole of googleapis costs a second and 100 MB: one API's file is what may be imported. */
const wholeOfGoogleapis = /^googleapis$/

/** Exceptions to the order: plugins wire what src offers, and routes call decorators, never plugins. */
const forbidden: readonly { from: RegExp; to: RegExp }[] = [
  { from: /^routes\//, to: /^plugins\// },
  { from: /^src\//, to: /^(plugins|routes)\// },
  { from: /./, to: /^(test|demo|bench|experiments|packages|docs|\.ci)\// }
]

interface Import {
  from: string
  specifier: string
  names: string
}

/** What is wrong with the imports of these sources, a line each: `from → what: why`. */
export function faultsOf(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([from, source]) => importsOf(from, source).flatMap(faultOf))
}

function importsOf(from: string, source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const found = code.matchAll(/(?:\b(?:import|export)\s([^'";]*?)\sfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)
  return [...found].map(([, names = '', specifier = '']) => ({ from, specifier, names }))
}

function faultOf({ from, specifier, names }: Import): string[] {
  const fault = (why: string) => [`${from} → ${specifier}: ${why}`]
  if (!specifier.startsWith('.')) {
    if (wholeOfGoogleapis.test(specifier)) return fault('import one API of googleapis, not the whole')
    const onlyId = specifier === 'mongodb' && /^(type )?\{ (type )?ObjectId \}$/.test(names.trim())
    const keeper = keepers.find(({ library }) => library.test(specifier))
    return keeper && !keeper.files.test(from) && !onlyId ? fault('does not belong here') : []
  }
  const to = posix.normalize(posix.join(posix.dirname(from), specifier))
  if (forbidden.some(rule => rule.from.test(from) && rule.to.test(to))) return fault('this way is closed')
  const [mine, theirs] = [roomOf(from), roomOf(to)]
  if (mine === theirs) return []
  const [own, other] = [rooms.indexOf(mine), rooms.indexOf(theirs)]
  if (own < 0 || other < 0) return fault(`${own < 0 ? mine : theirs} is in no room of the list`)
  return other < own ? [] : fault(`${mine} comes before ${theirs}`)
}

function roomOf(file: string): (typeof rooms)[number] {
  const [top = '', second = ''] = file.split('/')
  return (top === 'src' ? `src/${second.replace(/\.ts$/, '')}` : top) as (typeof rooms)[number]
}
