/** What a test may change while the server runs. */
export interface Settings {
  accessTokenLifetimeSeconds: number
  /** Announced as `refresh_token_expires_in` and kept; undefined: refresh tokens have no deadline. */
  refreshTokenLifetimeSeconds: number | undefined
  codeLifetimeSeconds: number
  /** Each refresh issues a new refresh token and the one used dies. */
  rotateRefreshTokens: boolean
  /** Announces `authorization_response_iss_parameter_supported` (RFC 9207). */
  issParameterSupported: boolean
  /** The Gmail API of this client's project; `disabled` with today's error, `disabled-as-before` with the older one without details. */
  gmailApi: 'enabled' | 'disabled' | 'disabled-as-before'
  /** The largest JSON body, and the largest upload, in bytes; beyond, 413 as HTML. */
  gmailJsonBytes: number
  gmailUploadBytes: number
}

export interface Client {
  id: string
  secret: string
  name: string
  redirectUris: Set<string>
}
