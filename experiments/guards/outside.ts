import { guardsOf } from './guard.ts'

const address = 'src/config/networks.ts'
const delivery = 'src/events/delivery.ts'
const inside = 'test/events/inside.test.ts'
const isRefused = '[R93] webhook URL › over 200'

export const outsideGuards = [
  ...guardsOf(address, inside, [
    [
      'a webhook leads to no address inside',
      isRefused,
      '  if (addresses.length > 0 && !addresses.some(guard))\n',
      "  if (addresses.length > 0 && !addresses.some(guard) && hostname === '')\n"
    ],
    [
      'a webhook is https',
      isRefused,
      "  if (protocol !== 'https:' && !(protocol === 'http:' && staysInside)) return 'must be https'\n",
      ''
    ],
    [
      'a webhook holds no name or password',
      isRefused,
      "  if (username || password || hash) return 'must hold no user, password or fragment'\n",
      ''
    ],
    [
      "a webhook's port is a web server's",
      isRefused,
      "  if (!isWebPort(port)) return 'names a port that no web server has'\n",
      ''
    ]
  ]),
  ...guardsOf('src/events/public-address.ts', inside, [
    [
      'a name that resolves inside is not called',
      '[R93][F49] dispatch › names that resolve',
      'const allowed = addresses.filter(({ address }) => guard(address))',
      'const allowed = [...addresses]'
    ]
  ]),
  ...guardsOf(delivery, inside, [
    [
      'a webhook is looked at again when it is sent',
      '[R93] dispatch › the same URLs',
      "      if (faultOfWebhookUrl(url, guard)) throw new CodedError('address_not_public')\n",
      ''
    ]
  ]),
  ...guardsOf(delivery, 'test/events/answers.test.ts', [
    [
      'a delivery follows no redirect',
      '[R94] answers › a redirect to an inside server',
      "redirect: 'manual'",
      "redirect: 'follow'"
    ]
  ]),
  ...guardsOf('src/backend/audit.ts', 'test/backend/audit.test.ts', [
    [
      'without its line nothing is vended',
      '[R90] audit › a file',
      "      throw new GuichetError('audit_unavailable', { cause })\n",
      '      if (!cause) throw cause\n'
    ]
  ]),
  ...guardsOf('src/http/rate-limit-key.ts', 'test/http/rate-limit-key.test.ts', [
    [
      'a /64 is one client',
      '[R103] rate limit key › the addresses of one IPv6 /64 are one client',
      '.slice(0, 4)',
      '.slice(0, 8)'
    ]
  ]),
  ...guardsOf('src/http/server-options.ts', 'test/http/limits.test.ts', [
    [
      'a body has a size',
      '[R98] sizes › a body over 1 MiB (a mail over 10 MiB), announced or streamed › 413 on every route that takes one',
      'bodyLimit: 1024 * 1024',
      'bodyLimit: 1024 ** 3'
    ]
  ]),
  ...guardsOf('src/http/server-options.ts', 'test/http/proxies.test.ts', [
    [
      'forwarded headers count from named proxies alone',
      '[R101] forwarded headers › ',
      'trustProxy: config.trustProxy.length > 0 ? createProxyTrust(config.trustProxy) : false',
      'trustProxy: true'
    ]
  ]),
  ...guardsOf('src/observability/log.ts', 'test/observability/leaks.test.ts', [
    [
      'messages of others are not logged',
      '[R106] logs › whole journeys',
      "type: typeof name === 'string' ? name : typeof error,",
      'type: [name, (error as Error | undefined)?.message].join(),'
    ]
  ])
]
