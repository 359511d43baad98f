import { p } from './elements.js'

/** Why a connection needs its user again. */
export const REASONS = {
  revoked:
    'Google no longer accepts this permission: it was withdrawn, the password was changed, or it lay unused for months.',
  reauth_required: 'Your organisation asks you to sign in to Google again from time to time, and that time has come.',
  admin_policy: 'Your organisation’s administrator does not allow this access. Ask them first, then reconnect.',
  account_disabled: 'Google has disabled or deleted this account. Once it is restored there, reconnect.',
  refresh_token_expired: 'The time that Google had set for this permission has run out.',
  refresh_token_missing: 'Google gave no lasting permission. Reconnect and agree once more on Google’s page.',
  reported_by_google: 'Google ended this permission after a security event on the account.'
}

const AGAIN = 'Please start again from this page.'
const LATER = 'Nothing was changed; please try again in a moment.'

/** For `?status=CODE` and for the API's problems: what happened, and the way out. Rare ones are left to OTHERWISE. */
const CODES = {
  access_denied: 'You declined on Google’s page, so nothing was connected. You can start again whenever you like.',
  account_mismatch:
    'Another account was chosen at Google than the one to reconnect, so nothing was changed. Reconnect and choose the same account, or connect the other one as well.',
  admin_policy_enforced: REASONS.admin_policy,
  code_invalid: `Google did not accept this attempt any more. ${AGAIN}`,
  database_unavailable: `The server cannot reach its database at the moment. ${LATER}`,
  flow_expired: `That took longer than allowed, so the attempt has ended. ${AGAIN}`,
  flow_unknown: `This attempt is not known here; it may be an old one. ${AGAIN}`,
  flow_used: 'This attempt was finished before. If the account is missing on this page, start again.',
  flow_wrong_session: `This attempt was started in another browser or by another user. ${AGAIN}`,
  google_invalid_response: `Google’s answer could not be trusted, so it was refused. ${AGAIN}`,
  google_rate_limited: 'There were too many requests for this account, and Google asks for a pause.',
  google_unavailable: `Google cannot be reached at the moment. ${LATER}`,
  internal: 'Something went wrong on the server, and it has been noted there. Please try again.',
  iss_mismatch: `The answer did not come from the Google we asked, so it was refused. ${AGAIN}`,
  needs_reconnect: 'Google’s permission for this account has ended. Reconnect it below.',
  not_found: 'It is not there any more: it was removed elsewhere. The list below is up to date.',
  offline: 'The server cannot be reached. Check your network and try again.',
  rate_limited: 'Those were too many attempts in a short time. Please wait a little and try again.',
  refresh_token_missing: REASONS.refresh_token_missing,
  shutting_down: `The server is being restarted. ${LATER}`,
  sign_in_not_allowed: 'This Google account may not sign in here. Use another one, or ask whoever runs this server.',
  unauthenticated: 'You have been signed out. Sign in to go on.'
}
const OTHERWISE = `That did not work. ${AGAIN} If it happens again, tell whoever runs this server.`

/** Answers what the API says; a problem of its is thrown, with its `code`. */
export const api = async (method, path) => {
  const answer = await fetch(path, { method, headers: { accept: 'application/json' } }).catch(() => undefined)
  const body = await answer?.json().catch(() => undefined)
  if (answer?.ok) return body
  throw Object.assign(new Error(path), { code: answer ? 'internal' : 'offline' }, body)
}

/** A problem in words, with what its operator needs to find it in the log. */
export const explain = ({ code = 'internal', detail, requestId, retryAfterSeconds: pause }) => {
  const known = Object.hasOwn(CODES, code) && CODES[code]
  const wait = pause > 1 ? ` The next try can work in ${pause} seconds.` : ''
  const reference = code === 'unauthenticated' ? '' : (requestId ?? (known ? '' : code))
  return [p('', known || detail || OTHERWISE, wait), reference ? p('reference', `Reference ${reference}`) : '']
}
