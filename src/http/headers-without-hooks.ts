/** What hardening gives every answer, for those that meet no hook: the router's refusals, and those of Node's HTTP parser. */
export const headersWithoutHooks = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff'
}
