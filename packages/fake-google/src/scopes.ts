const API = 'https://www.googleapis.com/auth/'

export const GMAIL_READONLY = `${API}gmail.readonly`
export const GMAIL_MODIFY = `${API}gmail.modify`
export const CALENDAR = `${API}calendar`
export const CALENDAR_READONLY = `${API}calendar.readonly`
export const USERINFO_EMAIL = `${API}userinfo.email`
export const USERINFO_PROFILE = `${API}userinfo.profile`

const API_SCOPES = [
  'userinfo.email userinfo.profile',
  'gmail.readonly gmail.modify gmail.metadata gmail.labels gmail.send gmail.compose',
  'calendar calendar.readonly calendar.events calendar.events.readonly',
  'drive drive.readonly drive.file drive.metadata.readonly'
]

export const KNOWN_SCOPES: readonly string[] = [
  'openid',
  'email',
  'profile',
  ...API_SCOPES.flatMap(line => line.split(' ')).map(name => API + name)
]

/** Scopes of signing in: Google's consent page has no box to untick them. */
export const IDENTITY_SCOPES: readonly string[] = ['openid', USERINFO_EMAIL, USERINFO_PROFILE]

/**
 * The name under which Google reports a scope: `email` and `profile` come back as `…/auth/userinfo.*`.
 * Short names are completed, so that a test may write `gmail.readonly`.
 */
export function toGrantedScope(scope: string): string {
  if (scope === 'email' || scope === 'profile') return `${API}userinfo.${scope}`
  if (scope === 'openid' || scope.includes(':')) return scope
  return API + scope
}

export function isGmailScope(scope: string): boolean {
  return scope.startsWith(`${API}gmail.`)
}

const WORDS: Record<string, string> = {
  'gmail.readonly': 'Read your mail',
  'gmail.modify': 'Read, write, send, label and bin your mail',
  'calendar.readonly': 'See your calendars and events',
  'drive.readonly': 'See your files'
}

/** What a scope lets an app do, as a consent page says it. */
export function inWords(scope: string): string {
  const name = scope.slice(scope.lastIndexOf('/') + 1)
  return WORDS[name] ?? `Use ${name}`
}
