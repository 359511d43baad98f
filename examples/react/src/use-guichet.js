import { createGuichet } from '@guichet/client'
import { useEffect, useState } from 'react'

/** guichet's PUBLIC_URL is VITE_GUICHET_URL; this app's origin stands in its ALLOWED_ORIGINS. */
export const guichet = createGuichet({ url: import.meta.env.VITE_GUICHET_URL ?? 'http://localhost:3000' })

/** Who is signed in and what is connected, kept up to date: after a popup, in other tabs, after the Back button. */
export function useGuichet() {
  const [state, setState] = useState({ isLoading: true, user: null, connections: [], error: null })
  useEffect(() => {
    let isShown = true
    const load = async () => {
      const next = { isLoading: false, user: null, connections: [], error: null }
      try {
        next.user = await guichet.session()
        if (next.user) next.connections = await guichet.connections()
      } catch (error) {
        next.error = error
      }
      if (isShown) setState(next)
    }
    load()
    const stop = guichet.onChange(load)
    return () => {
      isShown = false
      stop()
    }
  }, [])
  return state
}
