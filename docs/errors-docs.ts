import { type ErrorCode, errorCodes, GuichetError } from '../src/errors.ts'

const heading = `# Errors

Written by \`npm run docs\` from the catalogue in [src/errors.ts](../src/errors.ts). Every error is \`application/problem+json\`
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)); programs branch on \`code\` alone:

\`\`\`json
{
  "type": "urn:guichet:problem:needs_reconnect",
  "title": "The connection is dead and must be made again",
  "status": 409,
  "detail": "The connection is dead and must be made again",
  "instance": "/v1/connections/68a1…/token",
  "code": "needs_reconnect",
  "requestId": "5d9c…",
  "reason": "revoked",
  "connectUrl": "https://auth.example.com/connect/gmail?connectionId=68a1…"
}
\`\`\`

\`requestId\` stands in the log too. \`errors\` names the faulty fields of an \`invalid_request\`, never their values. 429, 503 and
\`in_progress\` have \`Retry-After\`, and the same in \`retryAfterSeconds\`: the connection is fine, ask again then. After a navigation
that failed, the browser comes back with \`?status=CODE\`.`

/** What happened, and what to do about it. A code without an entry does not compile. */
const guide: Record<ErrorCode, readonly [happened: string, remedy: string]> = {
  invalid_request: [
    'Something in the request is missing, malformed or not known here.',
    'Correct what `errors` names.'
  ],
  flow_unknown: [
    "The callback's state was never issued, is long expired, or has another purpose.",
    'Start again. If it happens often, something calls the callback itself.'
  ],
  flow_expired: ['The user took longer than `FLOW_TTL_SECONDS` at Google.', 'Start again.'],
  flow_used: [
    'This callback was answered before: a reload, or a link opened twice.',
    'Look at the connections; else start again.'
  ],
  flow_wrong_session: [
    'The callback came in another browser or session than the start.',
    'Start and finish in one browser. If every flow ends so, the cookie does not arrive: `guichet doctor`.'
  ],
  iss_mismatch: [
    "The callback's `iss` is not the configured issuer's.",
    'Start again; if it stays, look at `GOOGLE_ISSUER`.'
  ],
  code_invalid: ['Google refused the code: it was used, is too old, or belongs to another client.', 'Start again.'],
  access_denied: [
    'The user pressed Cancel at Google, or may not use an app in Testing.',
    'Ask once more later; add test users.'
  ],
  admin_policy_enforced: [
    "The Workspace's administrator blocks the app or its scopes.",
    'The administrator must allow the client id.'
  ],
  org_internal: [
    'The Google project is Internal, and the account is of another organization.',
    'Use an account of it, or make the project External.'
  ],
  disallowed_useragent: ["Google signs nobody in inside an app's web view.", "Open the link in the system's browser."],
  invalid_scope: [
    'Google does not know a scope, or the project may not ask for it.',
    'Add the scopes under Data access.'
  ],
  unauthorized_client: [
    'The OAuth client is not of the type Web application, or is deleted.',
    'Make one as google-setup.md says.'
  ],
  unsupported_response_type: [
    'Google refused `response_type=code`.',
    'Check that the issuer is Google, or supports the code flow.'
  ],
  server_error: ['Google failed while the user was there.', 'Start again.'],
  temporarily_unavailable: ['Google is too busy to ask the user.', 'Start again in a minute.'],
  interaction_required: ['Google needs the user to do something first.', 'Start again, with the user present.'],
  login_required: ['The user is not signed in at Google.', 'Start again, with the user present.'],
  consent_required: ['Google wants a consent that was not asked for.', 'Start again, with the user present.'],
  account_selection_required: ['The user has several accounts and chose none.', 'Start again, with the user present.'],
  unauthenticated: [
    'No session: never signed in, signed out, or expired.',
    'Send the browser to `/auth/google`, or through a ticket.'
  ],
  backend_key_invalid: [
    'No key, or one that is unknown, expired or revoked.',
    'Send `Authorization: Bearer KEY`; make one with `guichet keys create`.'
  ],
  forbidden: [
    'The key is not made for this operation; or Google does not allow this for the account.',
    'Make a key with that operation; ask the administrator of the Workspace.'
  ],
  sign_in_not_allowed: [
    'The account is not in `SIGN_IN_ALLOW`. Nothing was stored.',
    'Sign in with another account, or list it.'
  ],
  missing_scopes: [
    'The user did not grant what this call needs; `missingScopes` says what. Google was not called.',
    'Send the user to `connectUrl`.'
  ],
  cross_site: [
    'A page of an origin that is not listed tried to change something.',
    'List the origin in `ALLOWED_ORIGINS`.'
  ],
  not_found: ['No such route, or no such thing, or it belongs to another user.', 'Check the id and who asks.'],
  method_not_allowed: ['The path exists, but not with this method.', 'Use one that `Allow` names.'],
  request_timeout: [
    'The request did not arrive within 15 s, or a mail to be sent within 150 s.',
    'Send it faster; look at the network.'
  ],
  needs_reconnect: [
    'The grant is dead; `reason` says why. Nothing is asked of Google any more.',
    'Send the user to `connectUrl`, or make a ticket with its `connectionId`.'
  ],
  account_mismatch: [
    'A repair was finished with another Google account than the one to be repaired.',
    'Choose the account that the page names, or connect the other one as a new connection.'
  ],
  refresh_token_missing: [
    'Google gave no refresh token, and no stored one can be used.',
    'Send the user to `connectUrl`: it forces a consent.'
  ],
  mailbox_unavailable: [
    'The Google account has no Gmail, or Gmail is switched off.',
    'Connect an account that has Gmail.'
  ],
  in_progress: [
    'A request with the same `Idempotency-Key` is still running.',
    'Send the same request again in a moment.'
  ],
  payload_too_large: [
    "The body is larger than the route's limit (1 MiB; mail 10 MiB as JSON).",
    'Send files as `multipart/form-data`.'
  ],
  message_too_large: ['The mail would be larger than the 35 MiB that Gmail takes.', 'Send a link instead of the file.'],
  uri_too_long: ['The path or a part of it is too long.', 'Ids are short: check what was put into the URL.'],
  unsupported_media_type: ['The body has a content type that the route does not take.', 'Send `application/json`.'],
  idempotency_mismatch: ['The `Idempotency-Key` was used for another mail.', 'Give each mail a key of its own.'],
  subject_breaks_thread: [
    'A reply with another subject would leave its conversation.',
    'Leave the subject out, or send `newThread: true`.'
  ],
  sender_not_allowed: [
    '`from` is not an address that the account may send from.',
    'Choose one of `GET …/gmail/aliases`.'
  ],
  rate_limited: [
    'Too many calls from this address or with this key, or more than three streams in one session.',
    'Wait for `Retry-After`; see `RATE_LIMIT_STARTS` and `RATE_LIMIT_KEY`. Close a stream.'
  ],
  google_rate_limited: [
    "The account's or the project's quota at Google is used up.",
    'Wait for `Retry-After`; ask for less at once, such as `view=ids`.'
  ],
  headers_too_large: ['The headers are larger than 16 KiB.', 'Usually too many cookies: clear them.'],
  internal: ['A bug in guichet.', 'Report it, with what the log says at `requestId`.'],
  google_invalid_response: [
    'Google answered with something that cannot be used, or an id_token that does not verify.',
    'Try again; if it stays, look at the clock and `GOOGLE_ISSUER`.'
  ],
  send_outcome_unknown: [
    'The connection to Google broke while a mail went out. 503 with an `Idempotency-Key`, 502 without one.',
    'With a key, send the same request again: it finds out what happened. Without one, look into "Sent" first.'
  ],
  google_unavailable: ['Google does not answer, or with 5xx.', 'Wait for `Retry-After`. The connection is untouched.'],
  google_misconfigured: [
    "This server's Google project refuses: an API is not enabled, or the client's id or secret is wrong.",
    'The operator fixes it: `guichet doctor` helps.'
  ],
  handler_timeout: ['The answer took longer than allowed.', 'Try again; ask for less at once.'],
  database_unavailable: [
    'MongoDB does not answer, or is not prepared yet.',
    'Wait for `Retry-After`; the operator looks at `/readyz`.'
  ],
  unsealable: [
    'A stored secret opens with no key of `VAULT_KEYS`, or was changed.',
    'The operator brings back the key that is missing.'
  ],
  audit_unavailable: [
    'The audit line cannot be written, so no token goes out.',
    'The operator looks at `AUDIT_FILE`: disk, rights, reader.'
  ],
  shutting_down: ['This replica is stopping.', 'Try again: another one answers.']
}

/** `docs/errors.md`: every code of the catalogue, in its order. */
export function renderErrorsPage(): string {
  const rows = errorCodes.map(code => {
    const { status } = new GuichetError(code)
    const [happened, remedy] = guide[code]
    return `| ${status} | \`${code}\` | ${happened} | ${remedy} |`
  })
  return `${heading}\n\n| Status | \`code\` | What happened | What to do |\n|---|---|---|---|\n${rows.join('\n')}\n`
}
