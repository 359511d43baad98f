import type { IncomingMail } from '@guichet/fake-google'

export interface DemoMail {
  hoursAgo: number
  /** Default INBOX and UNREAD. */
  labels?: string[]
  mail: IncomingMail
}

export interface DemoMailbox {
  name: string
  email: string
  mails: DemoMail[]
}

/** A mail as it was sent, header lines and body. */
function raw(...lines: string[]): string {
  return lines.join('\r\n')
}

const ada: DemoMailbox = {
  name: 'Ada Lindqvist',
  email: 'ada.lindqvist@example.com',
  mails: [
    {
      hoursAgo: 1,
      mail: {
        subject: 'Minutes of Thursday and two open questions',
        from: 'Jonas Berg <jonas@northlight.example>',
        body: 'Thanks for taking the chair. We left open who talks to the printer, and whether the second hall is free on the 9th.'
      }
    },
    {
      hoursAgo: 3,
      mail: {
        subject: 'Two of your books are due on Friday',
        from: 'Malmberg Library <desk@library.example>',
        body: 'You can renew one of them until Thursday night. "The Summer Book" is wanted by another reader.'
      }
    },
    {
      hoursAgo: 8,
      mail: {
        subject: 'Re: Draft of the autumn programme',
        from: 'Priya Raman <priya@northlight.example>',
        body: 'I moved the workshop to the afternoon, for those who come by the noon train. Comments are in the margin.',
        inReplyTo: '<programme@northlight.example>',
        references: '<programme@northlight.example>'
      }
    },
    {
      hoursAgo: 26,
      mail: {
        subject: 'Water off on Tuesday, 9 to 11',
        from: 'City Waterworks <notice@waterworks.example>',
        body: 'We are replacing a valve in your street. Fill a jug beforehand and let the tap run for a minute afterwards.'
      }
    },
    {
      hoursAgo: 49,
      mail: {
        subject: 'The photographs from the lake',
        from: 'Karin Lindqvist <karin@lindqvist.example>',
        body: 'Your father is in almost none of them, because he was holding the camera. The best ones are in the post.'
      }
    },
    {
      hoursAgo: 30,
      labels: ['SENT'],
      mail: {
        subject: 'Draft of the autumn programme',
        from: 'Ada Lindqvist <ada.lindqvist@example.com>',
        to: 'Priya Raman <priya@northlight.example>',
        body: 'Here is the draft. What do you think of the workshop in the morning?',
        messageId: '<programme@northlight.example>'
      }
    },
    {
      hoursAgo: 5,
      mail: {
        subject: 'Your invoice for November',
        from: 'Northlight Accounts <accounts@northlight.example>',
        body: 'The invoice is attached, and the hours as a table.',
        html: '<p>The invoice is <b>attached</b>, and the hours as a table.</p>',
        attachments: [
          {
            filename: 'Rechnung März–November.pdf',
            mimeType: 'application/pdf',
            content: '%PDF-1.4\n% a demo, and no invoice\n%%EOF\n'
          },
          { filename: 'hours.csv', mimeType: 'text/csv', content: 'day,hours\nMonday,7\nTuesday,6\n' }
        ]
      }
    },
    {
      hoursAgo: 12,
      mail: {
        subject: 'The lake, in one picture',
        from: '"Lindqvist, Karin" <karin@lindqvist.example>',
        body: 'The picture stands inside this mail.',
        html: '<p>The picture stands inside this mail:</p><p><img src="cid:lake" alt="The lake"></p>',
        attachments: [
          {
            filename: 'lake.png',
            mimeType: 'image/png',
            contentId: 'lake',
            content: Buffer.from(
              'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
              'base64'
            )
          }
        ]
      }
    },
    {
      hoursAgo: 27,
      mail: raw(
        'From: =?koi8-r?Q?=F7=C5=D2=C1?= <vera@example.net>',
        'To: ada.lindqvist@example.com',
        'Subject: =?koi8-r?Q?=F0=D2=C9=D7=C5=D4_=C9=DA_=F2=C9=C7=C9?=',
        'Content-Type: text/plain; charset=koi8-r',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '=F0=D2=C9=D7=C5=D4 =C9=DA =F2=C9=C7=C9!'
      )
    },
    {
      hoursAgo: 40,
      mail: raw(
        'From: Haruka <haruka@example.jp>',
        'To: ada.lindqvist@example.com',
        'Subject: =?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=',
        'Content-Type: text/plain; charset=iso-2022-jp',
        'Content-Transfer-Encoding: base64',
        '',
        'GyRCRnxLXDhsGyhC'
      )
    }
  ]
}

const noor: DemoMailbox = {
  name: 'Noor Haddad',
  email: 'noor.haddad@example.org',
  mails: [
    {
      hoursAgo: 2,
      mail: {
        subject: 'Your parcel is waiting at the counter',
        from: 'Parcel Desk <track@parcels.example>',
        body: 'Bring the number on this message and something with your name on it. It is kept for seven days.'
      }
    },
    {
      hoursAgo: 5,
      mail: {
        subject: 'Sunday at ours?',
        from: 'Samir Haddad <samir@haddad.example>',
        body: 'We start at one. Bring nothing, or if you must, the apricot thing.'
      }
    },
    {
      hoursAgo: 30,
      mail: {
        subject: 'Your place in Ceramics II is confirmed',
        from: 'Night School <office@nightschool.example>',
        body: 'The first evening is the 3rd. Clay and glazes are included; an apron is not.'
      }
    }
  ]
}

export const mailboxes: readonly DemoMailbox[] = [ada, noor]
