/** The path that guichet lives under, `/auth` say; empty where PUBLIC_URL has none. */
export function basePathOf(publicUrl: URL): string {
  return publicUrl.pathname.replace(/\/+$/, '')
}

/** Where browsers find what the routes call `path`, which begins with a slash. */
export function urlUnder(publicUrl: URL, path: string): URL {
  return new URL(basePathOf(publicUrl) + path, publicUrl)
}

/** An origin, or an origin and a path in its one spelling: what browsers see, and what Google is told, letter for letter. */
export function isPublicUrl(text: string): boolean {
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) return false
  const url = new URL(text)
  const isPlain = !url.username && !url.password && !url.search && !url.hash && !text.includes('*')
  const path = basePathOf(url)
  return isPlain && text === url.origin + path && !/%|\/\/|\/\.{1,2}(\/|$)/.test(path)
}
