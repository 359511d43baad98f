import { z } from 'zod'
import { isSecureUrl } from '../config/urls.ts'
import { CodedError, GuichetError } from '../errors.ts'
import type { Fetch } from './bounded-fetch.ts'
import { unusable } from './unusable.ts'

/** Where an issuer answers, under the names of OpenID Connect Discovery 1.0. */
export interface Endpoints {
  issuer: string
  authorizationEndpoint: string
  tokenEndpoint: string
  revocationEndpoint: string
  jwksUri: string
  /** RFC 9207: an authorization answer without `iss` is then refused. */
  issParameterSupported: boolean
}

export const googleIssuer = 'https://accounts.google.com'

/** Google's own, fixed: https://accounts.google.com/.well-known/openid-configuration as read in November 2026. */
const googleEndpoints: Endpoints = {
  issuer: googleIssuer,
  authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
  tokenEndpoint: 'https://oauth2.googleapis.com/token',
  revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
  jwksUri: 'https://www.googleapis.com/oauth2/v3/certs',
  // Sent since February 2026; older clients and proxies may still strip it.
  issParameterSupported: false
}

const secureUrl = z.string().refine(isSecureUrl)
const Metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: secureUrl,
  token_endpoint: secureUrl,
  revocation_endpoint: secureUrl,
  jwks_uri: secureUrl,
  authorization_response_iss_parameter_supported: z.boolean().nullish()
})

/** The endpoints of the configured issuer; an issuer other than Google's is asked once, and again only while it has not answered. */
export function createEndpoints(issuer: string, fetch: Fetch): () => Promise<Endpoints> {
  if (issuer === googleIssuer) return async () => googleEndpoints
  let known: Promise<Endpoints> | undefined
  return () => {
    known ??= discover(issuer, fetch).catch(error => {
      known = undefined
      throw error
    })
    return known
  }
}

async function discover(issuer: string, fetch: Fetch): Promise<Endpoints> {
  try {
    // A slash at the issuer's end belongs to its name, and not to this path (section 4.1).
    const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    if (!response.ok) throw new CodedError(`status_${response.status}`)
    const { data: metadata, error } = Metadata.safeParse(await response.json().catch(() => undefined))
    if (error) throw unusable(error)
    // OpenID Connect Discovery 1.0, section 4.3: or someone else's document would name the endpoints.
    if (metadata.issuer !== issuer) throw new CodedError('another_issuer')
    return {
      issuer,
      authorizationEndpoint: metadata.authorization_endpoint,
      tokenEndpoint: metadata.token_endpoint,
      revocationEndpoint: metadata.revocation_endpoint,
      jwksUri: metadata.jwks_uri,
      issParameterSupported: metadata.authorization_response_iss_parameter_supported ?? false
    }
  } catch (cause) {
    throw new GuichetError('google_unavailable', { cause })
  }
}
