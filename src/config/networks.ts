import { BlockList, isIP, isIPv6 } from 'node:net'
import { isWebPort } from './urls.ts'

/** Whether a webhook may be sent to that address. */
export type AddressGuard = (address: string) => boolean

/** What is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sibling. */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3'
]
/** Of IPv6 only this is public, and of it not documentation, nor what carries IPv4 addresses inside (Teredo, 6to4). */
const publicIpv6 = ['2000::/3']
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

/** A guard that refuses private and special addresses but for those that `allowed` names, as addresses or CIDRs. */
export function createAddressGuard(allowed: readonly string[]): AddressGuard {
  const special = toBlockList([...specialIpv4, ...specialIpv6])
  const open = toBlockList(publicIpv6)
  const exempt = toBlockList(allowed)
  return address => {
    const version = isIP(address)
    if (version === 0) return false
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (exempt.check(address, family)) return true
    return !special.check(address, family) && (version === 4 || open.check(address, family))
  }
}

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

/** What is wrong with a webhook's URL, as far as it shows before its name is looked up; undefined if it may be used. */
export function faultOfWebhookUrl(text: string, guard: AddressGuard): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL'
  const { protocol, hostname, port, username, password, hash } = new URL(text)
  // A name may end in the root's dot, and means the same.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const isNamedLoopback = host === 'localhost' || host.endsWith('.localhost')
  const addresses = isNamedLoopback ? ['127.0.0.1', '::1'] : isIP(host) === 0 ? [] : [host]
  if (addresses.length > 0 && !addresses.some(guard))
    return 'points at an address that is not public (WEBHOOK_ALLOW_PRIVATE may name it)'
  const staysInside = addresses.length > 0 && !addresses.some(createAddressGuard([]))
  if (protocol !== 'https:' && !(protocol === 'http:' && staysInside)) return 'must be https'
  if (username || password || hash) return 'must hold no user, password or fragment'
  if (!isWebPort(port)) return 'names a port that no web server has'
  return undefined
}

/** Who is on the other end of a Unix socket is on this machine, and has no address. */
const localPeer = '127.0.0.1'

/**
 * The address of a client as Node or a proxy names it: some proxies add the client's port, and then brackets around IPv6
 * (RFC 7239, section 6), or none. Undefined is the peer of a Unix socket.
 */
export function toPlainAddress(text: string | undefined): string {
  const given = text?.trim() ?? localPeer
  if (isIP(given) !== 0) return given
  const address = given
    .replace(/^"(.*)"$/, '$1')
    .replace(/:\d{1,5}$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  return isIP(address) === 0 ? given : address
}

/** Fastify's names for private networks. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
}

/** Whether the forwarded headers of that address count: its port, if a proxy wrote one, does not. */
export function createProxyTrust(proxies: readonly string[]): (address: string | undefined) => boolean {
  const trusted = toBlockList(proxies.flatMap(proxy => namedNetworks[proxy] ?? [proxy]))
  return text => {
    const address = toPlainAddress(text)
    return isIP(address) !== 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

/** As Fastify takes it: anything else would end the boot without a word about the variable. */
export function isProxy(text: string): boolean {
  return /^(loopback|linklocal|uniquelocal)$/.test(text) || isNetwork(text)
}

/** An address or a CIDR. */
export function isNetwork(text: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return bits > 0 && (prefix === undefined || (Number(prefix) >= 1 && Number(prefix) <= bits))
}
