import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { type AddressGuard, createAddressGuard } from '../config/networks.ts'
import { CodedError } from '../errors.ts'

/**
 * The addresses that may be connected to. A private name may have some that are not allowed (localhost is ::1 too): then
 * those that are allowed by name are left. A public name that also has an inside address is refused.
 */
function toAllowed(addresses: readonly LookupAddress[], guard: AddressGuard, isPublic: AddressGuard): LookupAddress[] {
  const allowed = addresses.filter(({ address }) => guard(address))
  const leadsInside = allowed.length < addresses.length && allowed.some(({ address }) => isPublic(address))
  return leadsInside ? [] : allowed
}

/**
 * A name look-up for `net.connect` that hands on no refused address: what was checked is what is connected to, so that
 * a name which answers differently the second time gains nothing.
 */
export function createGuardedLookup(guard: AddressGuard): LookupFunction {
  const isPublic = createAddressGuard([])
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, [])
      const allowed = toAllowed(addresses, guard, isPublic)
      const [first] = allowed
      if (!first) return callback(new CodedError('address_not_public'), [])
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}
