import { type FakeGoogle, startFakeGoogle } from '@guichet/fake-google'
import { calendarOf } from './calendars.ts'
import { mailboxes } from './mails.ts'

const hourMs = 3_600_000
const pushAccount = 'push@guichet-demo.example'

/** The demo’s own Google, with a page of controls and some mail, and the settings that guichet needs for it. */
export async function startDemoGoogle(
  publicUrl: string,
  redirectUris: string[]
): Promise<{ google: FakeGoogle; variables: Record<string, string>; controlsUrl: string }> {
  const google = await startFakeGoogle({
    clientId: 'guichet-demo',
    clientName: 'The guichet demo',
    redirectUris,
    users: mailboxes.map(({ name, email }, position) => ({ sub: `${position + 1}`.padStart(21, '1'), name, email })),
    controls: true
  })
  for (const { email, mails } of mailboxes) {
    google.user(email).calendars.push(calendarOf(email, Date.now()))
    // The oldest first, as they came: an answer finds what it answers.
    for (const { hoursAgo, labels, mail } of [...mails].sort((one, other) => other.hoursAgo - one.hoursAgo)) {
      google.gmail(email).receive(mail, { atMs: Date.now() - hoursAgo * hourMs, ...(labels && { labels }) })
    }
  }
  google.pubsub.subscribe({ endpoint: new URL('/hooks/gmail', publicUrl).href, serviceAccount: pushAccount })
  return {
    google,
    controlsUrl: google.controlsUrl,
    variables: {
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
      GOOGLE_ISSUER: google.issuer,
      GOOGLE_API_URL: google.issuer,
      GMAIL_PUBSUB_TOPIC: 'projects/guichet-demo/topics/gmail',
      GMAIL_PUSH_ACCOUNT: pushAccount
    }
  }
}
