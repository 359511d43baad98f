import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Contender } from './load.ts'
import { root, type Server, startServer } from './process.ts'

/** The peers' packages, into bench/node_modules alone. What they share with guichet is guichet's own. */
async function install(): Promise<void> {
  if (existsSync(`${root}/bench/node_modules/grant`)) return
  const words = ['install', '--no-package-lock', '--legacy-peer-deps', '--no-audit', '--no-fund', '--ignore-scripts']
  const child = spawn('npm', words, { cwd: `${root}/bench`, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error('the peers could not be installed: bench/package.json')
}

/** Express and Grant, each with a session that is signed in, asked for Google's URL. */
export async function startPeers(
  environment: NodeJS.ProcessEnv
): Promise<{ contenders: Contender[]; close(): Promise<unknown> }> {
  await install()
  const [express, grant] = await Promise.all([
    startServer('bench/servers/express.js', environment),
    startServer('bench/servers/grant.js', environment)
  ])
  const toGoogle = (text: string) => text.includes('https://accounts.google.com/o/oauth2/v2/auth?')
  const asExpress = { path: '/connect', headers: { cookie: await signIn(express) } }
  const asGrant = { path: '/connect/google', headers: { cookie: await signIn(grant) } }
  return {
    contenders: [
      {
        name: 'Express, express-session, googleapis',
        server: express,
        ask: () => asExpress,
        isRight: ({ status, text }) => status === 200 && toGoogle(text)
      },
      {
        name: 'Grant on Fastify',
        server: grant,
        ask: () => asGrant,
        isRight: ({ status, location }) => status === 302 && toGoogle(location)
      }
    ],
    close: () => Promise.all([express.kill(), grant.kill()])
  }
}

async function signIn({ url }: Server): Promise<string> {
  const answer = await fetch(`${url}/sign-in`)
  return answer.headers
    .getSetCookie()
    .map(line => line.split(';', 1)[0])
    .join('; ')
}
