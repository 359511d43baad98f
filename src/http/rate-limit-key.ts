import { isIPv6 } from 'node:net'
import { toPlainAddress } from '../config/networks.ts'

/** Which clients share a limit: an IPv4 address, however it is written, or a /64 of IPv6, which belongs to one customer. */
export function rateLimitKey(text: string | undefined): string {
  const ip = toPlainAddress(text)
  if (!isIPv6(ip)) return ip
  const groups = toGroups(ip)
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return `${groups
    .slice(0, 4)
    .map(group => group.toString(16))
    .join(':')}::/64`
}

/** The eight numbers of an IPv6 address (RFC 4291, section 2.2), its zone left out. */
function toGroups(ip: string): number[] {
  const [address = ''] = ip.split('%')
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = [], tail = []] = plain.split('::').map(part => part.split(':').filter(group => group !== ''))
  const zeros = Array(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map(group => Number.parseInt(group, 16))
}
