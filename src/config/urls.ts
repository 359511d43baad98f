const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether what is sent there stays on this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname)
}

/**
 * Ports from 1024 on that browsers and fetch refuse to call, whatever the host: https://fetch.spec.whatwg.org/#port-blocking.
 * Ports below 1024 are refused too, except 80 and 443.
 */
const blockedPorts = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080
])

/** Whether a web server may have that port; the empty text is the scheme's own. */
export function isWebPort(text: string): boolean {
  const port = Number(text)
  return text === '' || port === 443 || port === 80 || (port >= 1024 && !blockedPorts.has(port))
}

/** https, or http where the traffic cannot leave the machine; at a port that can be called, and without a user. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, port, username, password } = new URL(text)
  return (
    (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))) &&
    isWebPort(port) &&
    !username &&
    !password
  )
}

/** A base URL: nothing follows its path. */
export function isBaseUrl(text: string): boolean {
  return isSecureUrl(text) && !/[?#\s\\]/.test(text)
}

/** An origin as browsers write it: in lower case, without a default port or a slash at its end. */
export function isOrigin(text: string): boolean {
  // A parser takes a star for a host's name; an operator who writes one means more than that, and would get less.
  return (
    !text.includes('*') &&
    URL.canParse(text) &&
    /^https?:$/.test(new URL(text).protocol) &&
    new URL(text).origin === text &&
    isWebPort(new URL(text).port)
  )
}
