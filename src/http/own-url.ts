import { basePathOf } from '../config/public-url.ts'

/** Before the path in the absolute form of a target, as a proxy may send it (RFC 9112, section 3.2.2). */
const schemeAndHost = /^https?:\/\/[^/?]*/i

/**
 * A URL as the routes know it, without a host and without the path that guichet lives under. At a host app's mount that
 * path is as many segments as the mount has: the host's router has matched them, by its own rules for case and parameters.
 * Elsewhere it is the path of PUBLIC_URL, unless a proxy has taken it off: then a route may begin with the same word, and
 * the URL is that route's.
 */
export function createToOwnUrl(
  publicUrl: URL,
  mountPath: string,
  isRoute: (path: string) => boolean
): (url: string) => string {
  const base = basePathOf(publicUrl)
  const depth = mountPath.split('/').filter(segment => segment !== '').length
  const mounted = new RegExp(`^(?:/+[^/?]+){${depth}}`)

  return target => {
    const url = schemeAndHost.test(target) ? asUrl(target.replace(schemeAndHost, '')) : target
    if (depth > 0) return asUrl(url.replace(mounted, ''))
    if (base === '' || !url.startsWith(base) || !/^([/?]|$)/.test(url.slice(base.length))) return url
    const own = asUrl(url.slice(base.length))
    return isRoute(pathOf(url)) && !isRoute(pathOf(own)) ? url : own
  }
}

export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

function asUrl(rest: string): string {
  return rest.startsWith('/') ? rest : `/${rest}`
}
