import { X509Certificate } from 'node:crypto'
import { get } from 'node:https'
import t from 'tap'
import { createCertificate } from '../src/certificate.ts'
import { start } from './story.ts'

/** The status of a discovery that trusts this certificate, or the code of the refusal. */
function discover(port: number, ca?: string): Promise<number | string | undefined> {
  return new Promise(resolve => {
    const options = { host: '127.0.0.1', port, path: '/.well-known/openid-configuration', agent: false }
    get({ ...options, ...(ca ? { ca } : {}) }, response => resolve(response.resume().statusCode)).on(
      'error',
      (error: NodeJS.ErrnoException) => resolve(error.code)
    )
  })
}

t.test('certificate › is what it says', async t => {
  const { cert } = createCertificate({ host: 'google.example', notAfter: new Date('2055-01-02T03:04:05.678Z') })
  const parsed = new X509Certificate(cert)
  t.equal(parsed.subjectAltName, 'DNS:google.example')
  t.equal(new Date(parsed.validTo).toISOString(), '2055-01-02T03:04:05.000Z')
  t.ok(parsed.verify(parsed.publicKey))
})

t.test('fake Google › over TLS with a certificate that is not trusted › refused', async t => {
  const good = createCertificate()
  const google = await start(t, { tls: good })
  t.match(google.issuer, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.equal(await discover(google.port, good.cert), 200)
  t.equal(await discover(google.port), 'DEPTH_ZERO_SELF_SIGNED_CERT')

  const elsewhere = createCertificate({ host: 'google.example' })
  t.equal(await discover((await start(t, { tls: elsewhere })).port, elsewhere.cert), 'ERR_TLS_CERT_ALTNAME_INVALID')
  const past = createCertificate({ notBefore: new Date(0), notAfter: new Date(1000) })
  t.equal(await discover((await start(t, { tls: past })).port, past.cert), 'CERT_HAS_EXPIRED')
  t.equal(google.calls('discovery'), 1)
})
