import t from 'tap'
import { startGmail } from './gmail-story.ts'

t.test('hostile mail › 10 000 levels, 20 000 parts, a header of 2 MB › stored and served', async t => {
  const { gmail, fetch } = await startGmail(t)
  const deep = Array.from(
    { length: 10_000 },
    (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`
  )
  const mails = {
    deep: `${deep.join('')}\r\nx`,
    wide: `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(20_000)}--b--`,
    long: `Subject: ${'x'.repeat(2_000_000)}\r\n__proto__: y\r\n\r\nx`,
    nothing: '',
    'no header': '\r\n\r\nx',
    'no end': 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html',
    forwarded: `${'Content-Type: message/rfc822\r\n\r\n'.repeat(50)}x`
  }
  for (const [name, mail] of Object.entries(mails)) {
    const { id } = gmail.receive(mail)
    const answer = await fetch(`/gmail/v1/users/me/messages/${id}`)
    t.equal(answer.status, 200, name)
    const body = (await answer.json()) as { id: string; payload: { parts?: unknown[] } }
    t.equal(body.id, id)
    if (name === 'wide') t.equal(body.payload.parts?.length, 20_000)
  }
})
