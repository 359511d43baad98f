import { services } from '../catalogue.ts'
import { GuichetError } from '../errors.ts'
import type { FlowPurpose } from './flows.ts'

/** What a user is sent to Google for: to sign in, or to connect one service. Each has a callback of its own. */
export interface Purpose {
  name: string
  flow: FlowPurpose
  service: string | null
  scopes: readonly string[]
  callbackPath: string
}

export const signIn: Purpose = {
  name: 'googleSignIn',
  flow: 'sign-in',
  service: null,
  scopes: ['openid', 'email', 'profile'],
  callbackPath: '/auth/google/callback'
}

const connects = new Map<string, Purpose>(
  services.map(({ id, scopes }) => [
    id,
    {
      name: `google_${id}`,
      flow: 'connect',
      service: id,
      scopes: ['openid', 'email', ...scopes],
      callbackPath: `/connect/${id}/callback`
    }
  ])
)

export const purposes: readonly Purpose[] = [signIn, ...connects.values()]

/** @throws GuichetError `not_found` for a service that the catalogue does not have */
export function requireConnectPurpose(service: string): Purpose {
  const purpose = connects.get(service)
  if (!purpose) throw new GuichetError('not_found')
  return purpose
}
