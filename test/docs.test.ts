import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderEnvExample, renderEnvironmentPage } from '../docs/environment-docs.ts'
import { Environment } from '../src/config/environment.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, '..', name), 'utf8')
const readme = read('README.md')

t.test('docs › .env.example › as the schema has it: npm run docs', async t => {
  t.equal(read('.env.example'), renderEnvExample())
  for (const name of Object.keys(Environment.shape)) t.match(renderEnvExample(), new RegExp(`^#?${name}=`, 'm'))
})

t.test('docs › environment.md › as the schema has it: npm run docs', async t => {
  t.equal(read('docs/environment.md'), renderEnvironmentPage())
})

t.test('docs › compose.yaml › hands on every variable, as it is or as a file', async t => {
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

t.test('docs › README › at most 200 lines, and every file it links to is there', async t => {
  t.ok(readme.split('\n').length <= 201)
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, file = '']) => file)
  t.ok(links.length > 0)
  for (const file of links) t.ok(read(file).length > 0, file)
})
