import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { ask } from './answer.ts'
import type { Gmail } from './client.ts'
import type { AliasView, ProfileView } from './views.ts'

const userId = 'me'

/** 1 unit. */
export function readProfile(gmail: Gmail): Promise<ProfileView> {
  return ask(
    gmail,
    'getProfile',
    (users, options) => users.getProfile({ userId }, options),
    ({ emailAddress, messagesTotal, threadsTotal, historyId }: gmail_v1.Schema$Profile) => ({
      emailAddress: emailAddress ?? '',
      messagesTotal: messagesTotal ?? 0,
      threadsTotal: threadsTotal ?? 0,
      historyId: historyId ?? ''
    })
  )
}

/** The addresses that the account may send from: 1 unit. */
export function readAliases(gmail: Gmail): Promise<AliasView[]> {
  return ask(
    gmail,
    'settings.sendAs.list',
    (users, options) => users.settings.sendAs.list({ userId }, options),
    ({ sendAs = [] }: gmail_v1.Schema$ListSendAsResponse) => sendAs.map(toAliasView)
  )
}

function toAliasView(alias: gmail_v1.Schema$SendAs): AliasView {
  const { sendAsEmail, displayName, replyToAddress, isPrimary, isDefault, verificationStatus } = alias
  return {
    address: sendAsEmail ?? '',
    name: displayName ?? '',
    replyTo: replyToAddress || null,
    isPrimary: isPrimary ?? false,
    isDefault: isDefault ?? false,
    verified: isPrimary === true || verificationStatus === 'accepted'
  }
}
