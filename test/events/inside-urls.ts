/** Addresses that no webhook may reach unless it is named: one or more of each special range. */
export const insideIpv4 = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.254',
  '127.0.0.1',
  '127.1.2.3',
  '127.255.255.254',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.255.255',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255'
]

export const insideIpv6 = [
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::2',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'fc00::1',
  'fd00::1',
  'fd00:ec2::254',
  'fdff:ffff::1',
  'ff02::1',
  'ff0e::1',
  '100::1',
  '2001::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2001:0:7f00:1::1',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
  '2002:a00:1::1',
  '3fff::1',
  '64:ff9b:1::1',
  '5f00::1',
  '4000::1',
  'e000::1'
]

const bytes = (address: string) => address.split('.').map(Number)
const number = (address: string) => bytes(address).reduce((sum, byte) => sum * 256 + byte, 0)
const hex = (value: number, digits = 0) => value.toString(16).padStart(digits, '0')

/** One IPv4 address in every spelling that some parser takes. */
function spellings(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = bytes(address)
  const words = `${hex(a * 256 + b)}:${hex(c * 256 + d)}`
  return [
    address,
    `${address}.`,
    String(number(address)),
    `0x${hex(number(address), 8)}`,
    `0${number(address).toString(8)}`,
    `0x${hex(a)}.0x${hex(b)}.0x${hex(c)}.0x${hex(d)}`,
    [a, b, c, d].map(byte => `0${byte.toString(8)}`).join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `0x${hex(a)}.${b}.0${c.toString(8)}.${d}`,
    [a, b, c, d].map(byte => encodeURIComponent(String(byte)).replace(/\d/g, digit => `%3${digit}`)).join('%2e'),
    [...address]
      .map(character => (character === '.' ? '\u3002' : String.fromCodePoint(0xff10 + Number(character))))
      .join(''),
    `[::ffff:${address}]`,
    `[::ffff:${words}]`,
    `[0:0:0:0:0:ffff:${words}]`,
    `[::${words}]`,
    `[64:ff9b::${words}]`,
    `[64:ff9b::${address}]`,
    `[2002:${words}::]`,
    `[::ffff:0:${words}]`
  ]
}

/** Hosts that are inside by their spelling alone. */
export const insideHosts = [
  ...['127.0.0.1', '169.254.169.254', '10.0.0.1', '192.168.0.1', '0.0.0.0'].flatMap(spellings),
  ...insideIpv4,
  ...insideIpv6.map(address => `[${address}]`),
  '127.1',
  '0x7f.1',
  '0177.1',
  '017700000001',
  '0x7f000001',
  '2130706433',
  '0',
  '127.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'LocalHost.',
  'foo.localhost',
  'foo.bar.localhost.',
  '\uff4c\uff4fcalhost',
  'lo\u00adcalhost',
  '[::ffff:169.254.169.254]',
  '[::1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]'
]

const publicHost = 'hooks.example.com'

/** URLs that are faulty whatever their host is. */
export const faultyUrls = [
  '',
  ' ',
  'hooks.example.com',
  '//hooks.example.com/',
  '/events',
  'https://',
  'https:///',
  'https://:443/',
  'https://ho st/',
  'https://hooks.example.com:99999/',
  'https://hooks.example.com:-1/',
  'https://[::1/',
  'https://256.256.256.256/',
  'https://1.2.3.4.5/',
  'https://%00/',
  'https://exa<mple.com/',
  ...['http', 'ftp', 'gopher', 'file', 'ws', 'wss', 'data', 'javascript', 'blob', 'ldap', 'dict', 'unix', 'smb'].map(
    scheme => `${scheme}://${publicHost}/`
  ),
  'file:///etc/passwd',
  'data:text/plain,x',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'http://1.1.1.1/',
  'http://hooks.example.com:8080/',
  ...[
    1, 7, 9, 19, 20, 21, 22, 23, 25, 53, 69, 79, 81, 110, 111, 135, 139, 143, 161, 389, 445, 465, 514, 587, 636, 873,
    993
  ].map(port => `https://${publicHost}:${port}/`),
  `https://user@${publicHost}/`,
  `https://user:password@${publicHost}/`,
  `https://:password@${publicHost}/`,
  `https://${publicHost}@127.0.0.1/`,
  `https://127.0.0.1@${publicHost}/`,
  `https://${publicHost}%40127.0.0.1/`,
  `https://${publicHost}/#fragment`,
  `https://${publicHost}#@127.0.0.1/`,
  `https://127.0.0.1\\@${publicHost}/`
]

/** Names that resolve to inside addresses. */
export const insideNames = [
  '127.0.0.1.nip.io',
  '169-254-169-254.sslip.io',
  'metadata.google.internal',
  'kubernetes.default.svc',
  'instance-data',
  'localtest.me',
  'rebind.example',
  'mongo',
  'printer.local'
]

export const publicUrls = [
  `https://${publicHost}/`,
  `https://${publicHost}:443/x?y=z`,
  `https://${publicHost}:8443/`,
  'https://1.1.1.1/',
  'https://8.8.8.8:3000/',
  'https://[2606:4700:4700::1111]/',
  'https://b\u00fccher.example/',
  'https://localhost.example.com/',
  'https://notlocalhost/',
  'https://127.0.0.1.nip.io/'
]
