import { GuichetError } from './error.ts'

/** How a visit to Google ended. Declining there and closing the popup are one thing: nothing was connected. */
export type Outcome = { status: 'connected'; connection: string } | { status: 'signed_in' } | { status: 'declined' }

let abandon = () => {}

/**
 * Runs a flow in a popup and waits for its last page to say how it went.
 * @returns undefined where the browser blocked the popup
 * @throws GuichetError the flow's code, but for a user who declined
 */
export function runPopup(url: string): Promise<Outcome> | undefined {
  abandon()
  const popup = open(url, 'guichet', 'popup,width=520,height=720')
  if (!popup) return undefined
  const { origin } = new URL(url)
  return new Promise((resolve, reject) => {
    let closedFor = 0
    const listen = ({ origin: from, source, data }: MessageEvent) => {
      if (from !== origin || source !== popup || typeof data?.status !== 'string') return
      const { status: code, connection } = data
      end()
      if (code === 'connected' && typeof connection === 'string') resolve({ status: code, connection })
      else if (code === 'signed_in') resolve({ status: code })
      else if (code === 'access_denied') resolve({ status: 'declined' })
      else reject(new GuichetError({ code }))
    }
    // A message may still be on its way when the popup is already closed: the second look counts.
    const timer = setInterval(() => {
      if (popup.closed && closedFor++ > 0) abandon()
    }, 200)
    const end = () => {
      clearInterval(timer)
      removeEventListener('message', listen)
      abandon = () => {}
    }
    abandon = () => {
      end()
      resolve({ status: 'declined' })
    }
    addEventListener('message', listen)
    popup.focus()
  })
}
