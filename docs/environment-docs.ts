import { Environment, secretNames } from '../src/config/environment.ts'

const begin = '<!-- environment: written by `npm run docs` -->'
const end = '<!-- /environment -->'

interface Variable {
  name: string
  meaning: string
  required: boolean
  /** As it would be written in the environment; empty where there is none. */
  fallback: string
  hasFile: boolean
}

function readVariables(): Variable[] {
  const withFile = new Set<string>(secretNames)
  return Object.entries(Environment.shape).map(([name, schema]) => {
    const unset = schema.safeParse(undefined)
    if (!schema.description) throw new Error(`${name} has no description`)
    return {
      name,
      meaning: schema.description,
      required: !unset.success,
      fallback: unset.success ? String(unset.data ?? '') : '',
      hasFile: withFile.has(name)
    }
  })
}

/** `.env.example`: what is required stands open, the rest as comments with its default. */
export function renderEnvExample(): string {
  const blocks = readVariables().map(({ name, meaning, required, fallback, hasFile }) => {
    const notes = [required && 'Required.', meaning, hasFile && `Also as ${name}_FILE.`].filter(Boolean).join(' ')
    return `# ${notes}\n${required ? '' : '#'}${name}=${fallback}\n`
  })
  return [
    '# Written by `npm run docs` from src/config/environment.ts. Copy it to .env, which git ignores.\n',
    ...blocks
  ].join('\n')
}

/** The README with its table of the environment as the schema has it now. */
export function withEnvironmentTable(readme: string): string {
  const [before, rest] = readme.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error('the README has lost the marks of its table')
  const rows = readVariables().map(({ name, meaning, required, fallback, hasFile }) => {
    const value = required ? '**required**' : fallback && `\`${fallback}\``
    return `| \`${name}\` | ${value} | ${meaning.replaceAll('|', '\\|')}${hasFile ? ` Also as \`${name}_FILE\`.` : ''} |`
  })
  return `${before}${begin}\n\n| Name | Default | Meaning |\n|---|---|---|\n${rows.join('\n')}\n\n${end}${after}`
}
