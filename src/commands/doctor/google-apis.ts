import { openToken } from '../../connections/record.ts'
import { connectionCollection } from '../../connections/repository.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient } from './finding.ts'

const apis = [
  { service: 'gmail', name: 'Gmail API', root: 'https://gmail.googleapis.com', path: '/gmail/v1/users/me/profile' },
  {
    service: 'calendar',
    name: 'Google Calendar API',
    root: 'https://www.googleapis.com',
    path: '/calendar/v3/users/me/calendarList?maxResults=1'
  }
]

/** Whether the project may call the APIs: only Google's answer to a real call tells, with a token that still lives. */
export const checkGoogleApis: Check = patient => Promise.all(apis.map(api => checkApi(patient, api)))

async function checkApi(
  { config, database, clock, vault, fetch }: Patient,
  { service, name, root, path }: (typeof apis)[number]
): Promise<Finding> {
  const connection = await database.collection(connectionCollection).findOne({
    live: true,
    service,
    deadReason: null,
    accessToken: { $ne: null },
    accessTokenExpiresAt: { $gt: new Date(clock.nowMs()) }
  })
  if (!connection?.accessToken) return notChecked(`${name}: no connection of ${service} has a living token to ask with`)
  try {
    const token = openToken(vault, connection, 'accessToken', connection.accessToken)
    const { status, ...response } = await fetch((config.google.apiUrl ?? root) + path, {
      headers: { authorization: `Bearer ${token}` }
    }).then(async answer => ({ status: answer.status, text: await answer.text() }))
    if (status === 403 && /SERVICE_DISABLED|accessNotConfigured/.test(response.text))
      return fault(
        `the ${name} is not enabled in Google's project`,
        'Enable it under APIs & Services → Library, and wait some minutes.'
      )
    if (status === 200) return ok(`the ${name} answers`)
    return notChecked(`${name}: Google answered ${status}, which says nothing about the project`)
  } catch {
    return notChecked(`${name}: it could not be asked`)
  }
}
