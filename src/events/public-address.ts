import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { AddressGuard } from '../config/networks.ts'

/**
 * A name look-up for `net.connect` that hands on no refused address: what was checked is what is connected to, so that
 * a name which answers differently the second time gains nothing.
 */
export function createGuardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, [])
      const [first] = addresses
      if (!first || !addresses.every(({ address }) => guard(address)))
        return callback(new Error('the address is not public'), [])
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}
