import { Environment, secretNames } from '../src/config/environment.ts'

const heading = `# The environment

Written by \`npm run docs\` from [src/config/environment.ts](../src/config/environment.ts). Nothing else sets guichet
up. A fault in any of these stops the start: every faulty variable is named, and no value is printed. So does
\`NODE_TLS_REJECT_UNAUTHORIZED=0\`, and a \`DEBUG\` that would make the OAuth library print secrets.`

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

/** `docs/environment.md`: the same as a table. */
export function renderEnvironmentPage(): string {
  const rows = readVariables().map(({ name, meaning, required, fallback, hasFile }) => {
    const value = required ? '**required**' : fallback && `\`${fallback}\``
    return `| \`${name}\` | ${value} | ${meaning.replaceAll('|', '\\|')}${hasFile ? ` Also as \`${name}_FILE\`.` : ''} |`
  })
  return `${heading}\n\n| Name | Default | Meaning |\n|---|---|---|\n${rows.join('\n')}\n`
}
