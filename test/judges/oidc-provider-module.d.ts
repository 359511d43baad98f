/** As much of node-oidc-provider as the tests use: its own package brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface Grant {
    addOIDCScope(scope: string): void
    save(): Promise<string>
  }

  interface Interaction {
    params: { client_id: string; scope: string }
  }

  export interface StoredToken {
    jti: string
    consumed?: unknown
  }

  export class Prompt {
    constructor(information: { name: string; requestable: boolean })
  }

  interface Policy extends Array<Prompt> {
    add(prompt: Prompt, position: number): void
  }

  export const interactionPolicy: { base(): Policy; Prompt: typeof Prompt }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): (request: IncomingMessage, response: ServerResponse) => void
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: unknown): Promise<void>
    Grant: new (properties: {
      accountId: string
      clientId: string
    }) => Grant
    RefreshToken: { find(jti: string): Promise<StoredToken | undefined> }
    AccessToken: { find(jti: string): Promise<StoredToken | undefined> }
    on(event: 'refresh_token.saved' | 'refresh_token.consumed', listener: (token: StoredToken) => void): this
    on(event: 'grant.success', listener: (context: unknown) => void): this
    on(event: 'grant.error' | 'revocation.error', listener: (context: unknown, error: Error) => void): this
  }
}
