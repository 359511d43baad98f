import libmime from 'libmime'

/** Joins the lines of `format=flowed` (RFC 3676): soft breaks go, and with `delsp=yes` the space before them. */
export function unflow(text: string, params: Record<string, string>): string {
  if (params.format?.toLowerCase() !== 'flowed') return text
  return libmime.decodeFlowed(text, params.delsp?.toLowerCase() === 'yes')
}
