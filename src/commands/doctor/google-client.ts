import { services } from '../../catalogue.ts'
import { urlUnder } from '../../config/public-url.ts'
import { createSecret } from '../../secrets.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient, warning } from './finding.ts'

const console = 'https://console.cloud.google.com/auth/clients'

/**
 * Whether Google takes the client's id and secret: a code that never was is refused as `invalid_grant` from the right
 * client, and as `invalid_client` from a wrong one. Then whether it knows the redirect URIs.
 */
export const checkGoogleClient: Check = async patient => {
  const client = await checkCredentials(patient)
  if (client.state !== 'ok') return [client, notChecked('redirect URIs: the client comes first')]
  const uris = [
    { path: '/auth/google/callback', needed: true },
    ...services.map(({ id }) => ({ path: `/connect/${id}/callback`, needed: id === 'gmail' }))
  ]
  return [client, ...(await Promise.all(uris.map(uri => checkRedirectUri(patient, uri))))]
}

async function checkCredentials({ config, endpoints, fetch }: Patient): Promise<Finding> {
  const { clientId, clientSecret } = config.google
  try {
    const response = await fetch((await endpoints()).tokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: createSecret(),
        code_verifier: createSecret(),
        redirect_uri: urlUnder(config.publicUrl, '/auth/google/callback').href,
        client_id: clientId,
        client_secret: clientSecret
      })
    })
    const { error } = (await response.json()) as { error?: unknown }
    if (error === 'invalid_grant') return ok('Google takes the client id and its secret')
    if (error === 'redirect_uri_mismatch')
      return fault('Google does not know the redirect URI of the sign-in', `Add it to the client at ${console}`)
    if (error === 'invalid_client' || error === 'unauthorized_client' || error === 'deleted_client')
      return fault(
        `Google refuses the client id or its secret (${error})`,
        `Copy both again from ${console}: the type must be Web application.`
      )
    return warning(`Google's answer says nothing about the client (status ${response.status})`, 'Try again later.')
  } catch {
    return fault(
      'Google cannot be reached',
      'Let this machine reach oauth2.googleapis.com, or the GOOGLE_ISSUER that is set.'
    )
  }
}

/** A registered one leads to sign-in; of another Google says at once, on a page of its own, that it is wrong. */
async function checkRedirectUri(
  { config, endpoints, fetch }: Patient,
  { path, needed }: { path: string; needed: boolean }
): Promise<Finding> {
  const uri = urlUnder(config.publicUrl, path).href
  const url = new URL((await endpoints()).authorizationEndpoint)
  url.search = new URLSearchParams({
    client_id: config.google.clientId,
    redirect_uri: uri,
    response_type: 'code',
    scope: 'openid email',
    state: createSecret(),
    nonce: createSecret(),
    code_challenge: createSecret(),
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent'
  }).toString()
  try {
    const { status, headers } = await fetch(url.href)
    const isRefused = status === 400 || /\/error|[?&]authError=/.test(headers.get('location') ?? '')
    if (!isRefused) return ok(`Google knows the redirect URI ${uri}`)
    const remedy = `Add it, letter for letter, to the client at ${console}`
    const found = `Google does not know the redirect URI ${uri}`
    return needed ? fault(found, remedy) : warning(found, `${remedy}, if you use this service.`)
  } catch {
    return notChecked(`the redirect URI ${uri}: Google did not answer`)
  }
}
