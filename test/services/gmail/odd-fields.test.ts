import t from 'tap'
import { enter } from '../../helper.ts'
import { connectedMailbox } from './mailbox.ts'

t.test('[F20] gmail › a field holds something else than Google documents › 502, never 500', async t => {
  const { google, signedIn } = await enter(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const shown = /^(profile|aliases|labels|messages|message|thread)$/
  for (const { name, request } of routes.filter(({ name }) => shown.test(name))) {
    let answer: Record<string, unknown> = {}
    google.fault('gmail', { mutate: json => (answer = json) })
    await ada.request(request)
    for (const field of Object.keys(answer)) {
      for (const other of [null, [null], {}, 1.5]) {
        google.fault('gmail', { mutate: json => ({ ...json, [field]: other }) })
        const { statusCode, body } = await ada.request(request)
        t.ok([200, 502].includes(statusCode), `${name}: ${JSON.stringify(other)} for ${field}: ${body.slice(0, 300)}`)
      }
    }
  }
})
