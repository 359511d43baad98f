/** An entry of the catalogue: what a user can connect, and the scopes that opens. */
export interface Service {
  readonly id: string
  readonly title: string
  /** What connecting lets an app do, as a user reads it after "to". */
  readonly purpose: string
  /** What connecting asks Google for, besides `openid email`. */
  readonly scopes: readonly string[]
}

const google = 'https://www.googleapis.com/auth/'

export const gmailReadonly = `${google}gmail.readonly`
export const gmailModify = `${google}gmail.modify`
export const calendarReadonly = `${google}calendar.readonly`

/** A new service is one entry here, and routes of its own if it has any. */
export const services: readonly Service[] = [
  {
    id: 'gmail',
    title: 'Gmail',
    purpose: 'read your mail, write and send mail in your name, and label, archive and bin messages',
    scopes: [gmailReadonly, gmailModify]
  },
  {
    id: 'calendar',
    title: 'Google Calendar',
    purpose: 'see your calendars',
    scopes: [calendarReadonly]
  },
  { id: 'drive', title: 'Google Drive', purpose: 'see your files', scopes: [`${google}drive.readonly`] }
]

/** Scopes that include others: https://developers.google.com/workspace/gmail/api/auth/scopes */
const covers: Readonly<Record<string, readonly string[]>> = {
  [gmailModify]: [gmailReadonly],
  'https://mail.google.com/': [gmailModify, gmailReadonly]
}

/** The entry of that id, if the catalogue has it. */
export function findService(id: string): Service | undefined {
  return services.find(service => service.id === id)
}

/** Those of `needed` that `granted` does not open, by name or by a wider scope. */
export function missingScopes(needed: readonly string[], granted: readonly string[]): string[] {
  const open = new Set(granted.flatMap(scope => [scope, ...(covers[scope] ?? [])]))
  return needed.filter(scope => !open.has(scope))
}
