import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { renderEnvExample, renderEnvironmentPage } from '../docs/environment-docs.ts'
import { renderErrorsPage } from '../docs/errors-docs.ts'
import { Environment } from '../src/config/environment.ts'
import { errorCodes, GuichetError } from '../src/errors.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, '..', name), 'utf8')
const readme = read('README.md')

t.test('docs › .env.example › as the schema has it: npm run docs', async t => {
  t.equal(read('.env.example'), renderEnvExample())
  for (const name of Object.keys(Environment.shape)) t.match(renderEnvExample(), new RegExp(`^#?${name}=`, 'm'))
})

t.test('docs › environment.md › as the schema has it: npm run docs', async t => {
  t.equal(read('docs/environment.md'), renderEnvironmentPage())
})

t.test('docs › compose.yaml › passes on every variable, as it is or as a file', async t => {
  // The image's own; and the JSON file stands for the two of Google's client.
  const others = ['HOST', 'PORT', 'GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET']
  const compose = read('compose.yaml')
  for (const name of Object.keys(Environment.shape).filter(name => !others.includes(name)))
    t.match(compose, new RegExp(`^ {6}${name}(_FILE)?: (\\$\\{${name}:-|/run/secrets/)`, 'm'), name)
})

t.test('docs › README › a line for every dependency, and for nothing else', async t => {
  const { dependencies, peerDependencies } = JSON.parse(read('package.json'))
  const [, section = ''] = readme.split('\n## Dependencies\n')
  const named = [...(section.split('\n## ', 1)[0]?.matchAll(/^\| `([^`]+)` \| \S/gm) ?? [])].map(([, name]) => name)
  t.same(named.sort(), Object.keys({ ...dependencies, ...peerDependencies }).sort())
})

t.test('docs › errors.md › as the catalogue has it, no code left out: npm run docs', async t => {
  const page = read('docs/errors.md')
  t.equal(page, renderErrorsPage())
  for (const code of errorCodes) t.match(page, `| ${new GuichetError(code).status} | \`${code}\` | `)
})

t.test('docs › README › at most 200 lines', async t => {
  t.ok(readme.split('\n').length <= 201)
})

t.test('docs › every file that a page links to is there', async t => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', 'packages/client/README.md']
  pages.push(
    ...readdirSync(join(import.meta.dirname, '../docs'))
      .flatMap(name => name.match(/.*\.md$/) ?? [])
      .map(name => `docs/${name}`)
  )
  t.ok(pages.length > 10)
  for (const page of pages) {
    const links = read(page).matchAll(/(?:\]\(|src=")(?!https?:|#)([^)#"]+)/g)
    for (const [, file = ''] of links) t.ok(read(join(dirname(page), file)).length > 0, `${page}: ${file}`)
  }
})
