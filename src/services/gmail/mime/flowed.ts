import { lazily } from '../../../lazily.ts'

const libmime = lazily<typeof import('libmime').default>('libmime')

export const isFlowed = (params: Record<string, string>) => params.format?.toLowerCase() === 'flowed'

/** Joins the lines of `format=flowed` (RFC 3676): soft breaks go, and with `delsp=yes` the space before them. */
export function unflow(text: string, params: Record<string, string>): string {
  if (!isFlowed(params)) return text
  return libmime().decodeFlowed(text, params.delsp?.toLowerCase() === 'yes')
}
