import type { Test } from 'tap'
import { enter, type WorldOptions } from '../../helper.ts'

/** Ada's mailbox, and how she sends from it; `at` another replica where it is given. */
export async function startSending(t: Test, options?: WorldOptions) {
  const world = await enter(t, options)
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const gmail = `/connections/${id}/gmail`
  const post = (path: string, payload?: object, headers: Record<string, string> = {}, at = ada) =>
    at.request({ method: 'POST', url: `${gmail}/${path}`, ...(payload && { payload }), headers })
  return {
    ...world,
    ada,
    gmail,
    post,
    send: (payload: object, headers: Record<string, string> = {}, at = ada) =>
      post('messages/send', payload, headers, at),
    account: world.google.user('ada@example.com').gmail
  }
}
