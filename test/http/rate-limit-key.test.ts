import t from 'tap'
import { rateLimitKey } from '../../src/http/rate-limit-key.ts'

t.test('[R103] rate limit key › every spelling of an IPv4 address is the same client', async t => {
  t.equal(rateLimitKey('198.51.100.7'), '198.51.100.7')
  for (const mapped of [
    '::ffff:198.51.100.7',
    '::FFFF:198.51.100.7',
    '::ffff:c633:6407',
    '0:0:0:0:0:ffff:198.51.100.7',
    '0:0:0:0:0:ffff:c633:6407'
  ]) {
    t.equal(rateLimitKey(mapped), '198.51.100.7', mapped)
  }
  t.not(rateLimitKey('198.51.100.7'), rateLimitKey('198.51.100.8'))
})

t.test('[R103] rate limit key › the addresses of one IPv6 /64 are one client', async t => {
  const same = [
    '2001:db8:1:2::',
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:0DB8:0001:0002::9',
    '2001:db8:1:2:0:0:0:1',
    '2001:db8:1:2:3::',
    '2001:db8:1:2::198.51.100.7'
  ]
  t.equal(new Set(same.map(rateLimitKey)).size, 1)
  const others = ['2001:db8:1:3::1', '2001:db8:2:2::1', '2001:db9:1:2::1', '2001:db8:1::1', 'fe80::1', '::1']
  t.equal(new Set([...same, ...others].map(rateLimitKey)).size, 1 + others.length)
  t.equal(rateLimitKey('::1'), rateLimitKey('0:0:0:0:0:0:0:2'), 'zeros left out at the front')
  t.equal(rateLimitKey('1::'), rateLimitKey('1:0:0:0:5:6:7:8'), 'at the end')
  t.equal(rateLimitKey('1:2::7:8'), rateLimitKey('1:2:0:0:0:0:7:8'), 'and in the middle')
  t.equal(rateLimitKey('1:2:3::4:5:6:7'), rateLimitKey('1:2:3:0:4:5:6:7'))
})

t.test('[R103] rate limit key › a port written by a proxy is ignored', async t => {
  for (const ip of ['203.0.113.7:51234', '203.0.113.7:1', ' 203.0.113.7:51234 '])
    t.equal(rateLimitKey(ip), rateLimitKey('203.0.113.7'), ip)
  for (const ip of ['[2001:db8::1]:443', '[2001:db8::1]:51234', '[2001:db8::1]', '[2001:db8::ffff]:1'])
    t.equal(rateLimitKey(ip), rateLimitKey('2001:db8::1'), ip)
  t.equal(rateLimitKey('[::ffff:203.0.113.7]:80'), '203.0.113.7')
  for (const ip of [
    '"[2001:db8::1]:443"',
    '2001:db8:0:0:1:2:3:4:51234',
    '"203.0.113.7:80"',
    '::ffff:203.0.113.7:51234'
  ])
    t.equal(rateLimitKey(ip), rateLimitKey(ip.includes('203') ? '203.0.113.7' : '2001:db8::1'), ip)
})

t.test('[R103] rate limit key › an IPv6 zone is ignored', async t => {
  t.equal(rateLimitKey('fe80::1%eth0'), rateLimitKey('fe80::2%eth1'))
})

t.test('[R103] rate limit key › the peer of a Unix socket › this machine', async t => {
  t.equal(rateLimitKey(undefined), '127.0.0.1')
})

t.test('[R103] rate limit key › text that is not an address › used as it is', async t => {
  for (const text of ['', 'unknown', '999.1.1.1', ':::']) t.equal(rateLimitKey(text), text)
})
