import { isIPv6 } from 'node:net'

/** Who is counted together: an IPv4 address, or the /64 that one IPv6 customer has whole. */
export function rateLimitKey(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped?.[1]) return mapped[1]
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const tailGroups = tail ? tail.split(':') : []
  const zeros = tail === undefined ? [] : Array(Math.max(0, 8 - groups.length - tailGroups.length)).fill('0')
  const prefix = [...groups, ...zeros, ...tailGroups].slice(0, 4)
  return `${prefix.map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
