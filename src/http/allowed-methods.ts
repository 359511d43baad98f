interface Route {
  path: RegExp
  methods: string[]
}

/** Tells a path that exists under another method (405) from one that does not (404). */
export function createAllowedMethods() {
  const routes: Route[] = []
  return {
    /** Called for every route, with its pattern. */
    add(url: string, method: string | string[]): void {
      // CORS preflights are answered everywhere; that makes no path exist.
      if (url.includes('*')) return
      const segments = url
        .split('/')
        .map(segment => (segment.startsWith(':') ? '[^/]+' : segment.replaceAll('.', '\\.')))
      routes.push({ path: new RegExp(`^${segments.join('/')}$`), methods: [method].flat() })
    },
    /** The methods of that path; empty if there is no such path. */
    of(path: string): string[] {
      return [...new Set(routes.filter(route => route.path.test(path)).flatMap(({ methods }) => methods))].sort()
    }
  }
}
