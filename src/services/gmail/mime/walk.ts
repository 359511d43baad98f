import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { decodeWords, readStructured, unfold } from './header-words.ts'

export type Part = gmail_v1.Schema$MessagePart

export const maxParts = 1000
export const maxDepth = 20

/** One part that holds something: text to read, or a file. */
export interface Leaf {
  part: Part
  /** Gmail's partId: what the part keeps for as long as the mail lives. The id of the root is `root`. */
  id: string
  mimeType: string
  /** Of the Content-Type header, decoded; names in lower case. */
  params: Record<string, string>
  disposition: string
  filename: string | null
  contentId: string | null
  /** The id of the forwarded mail (message/rfc822) that it lies in; null for the mail's own. */
  within: string | null
}

export interface WalkedMail {
  texts: Leaf[]
  htmls: Leaf[]
  attachments: Leaf[]
  /** All of these, and the bodies of forwarded mails. */
  leaves: Leaf[]
  /** There were more parts, or deeper ones, than are looked at. */
  truncated: boolean
}

type Kind = 'text' | 'html'

/** A multipart/alternative above a part: which of its branches gives the text, and which the html. */
interface Alternative {
  chosen: Partial<Record<Kind, number>>
  branch: number
  above: Alternative | undefined
}

interface Step {
  part: Part
  id: string
  depth: number
  within: string | null
  alternative: Alternative | undefined
  /** Not the first part of a multipart/related: what the first part refers to. */
  related: boolean
  /** A branch of a multipart/alternative: the body, whatever its name. */
  isBranch: boolean
}

/** What a leaf may be; a text with a name is a file where a nameless one serves as body. */
type Role = Kind | `named-${Kind}` | 'attachment'

/** Sorts a mail's parts into bodies and files, in the mail's order; in the manner of RFC 8621, section 4.1.4. */
export function walk(root: Part): WalkedMail {
  const leaves: { leaf: Leaf; role: Role }[] = []
  const steps: Step[] = [
    { part: root, id: 'root', depth: 0, within: null, alternative: undefined, related: false, isBranch: false }
  ]
  let truncated = false
  for (let seen = 0, step = steps.pop(); step; step = steps.pop()) {
    if (++seen > maxParts) {
      truncated = true
      break
    }
    const { part, depth } = step
    const children = Array.isArray(part.parts) ? part.parts : []
    const mimeType = readMimeType(part)
    const forwarded = mimeType === 'message/rfc822' || mimeType === 'message/global'
    const container = mimeType.startsWith('multipart/') || (children.length > 0 && !mimeType.startsWith('message/'))
    if (!container || (children.length === 0 && hasContent(part))) {
      const leaf = toLeaf(step, container ? 'text/plain' : mimeType)
      leaves.push({ leaf, role: toRole(leaf, step) })
    }
    if (!container && !forwarded) continue
    if (depth === maxDepth) {
      truncated ||= children.length > 0
      continue
    }
    const chosen = {}
    // From the last to the first, for the last one in is the first one out.
    for (let at = Math.min(children.length, maxParts + 1) - 1; at >= 0; at--) {
      const child = children[at]
      if (!child) continue
      steps.push({
        part: child,
        id: child.partId || `${step.id}.${at}`,
        depth: depth + 1,
        within: forwarded ? step.id : step.within,
        alternative: forwarded
          ? undefined
          : mimeType === 'multipart/alternative'
            ? { chosen, branch: at, above: step.alternative }
            : step.alternative,
        related: mimeType === 'multipart/related' && at > 0,
        isBranch: mimeType === 'multipart/alternative'
      })
    }
  }
  return { ...assign(leaves), truncated }
}

/** A name makes a text a file, unless there is nothing else to read. Bodies of forwarded mails stay inside those. */
function assign(leaves: readonly { leaf: Leaf; role: Role }[]): Omit<WalkedMail, 'truncated'> {
  const own = leaves.filter(({ leaf }) => leaf.within === null)
  const find = (role: Role) => own.filter(each => each.role === role).map(({ leaf }) => leaf)
  let [texts, htmls] = [find('text'), find('html')]
  if (texts.length + htmls.length === 0) {
    texts = find('named-text').slice(0, 1)
    htmls = find('named-html').slice(0, 1)
  }
  const bodies = new Set([...texts, ...htmls])
  const attachments = leaves
    .filter(({ leaf, role }) => !bodies.has(leaf) && !(leaf.within !== null && (role === 'text' || role === 'html')))
    .map(({ leaf }) => leaf)
  return { texts, htmls, attachments, leaves: leaves.map(({ leaf }) => leaf) }
}

function toRole({ mimeType, disposition, filename, contentId }: Leaf, { alternative, related, isBranch }: Step): Role {
  const kind = mimeType === 'text/plain' ? 'text' : mimeType === 'text/html' ? 'html' : undefined
  if (!kind || disposition === 'attachment' || (related && contentId !== null)) return 'attachment'
  if (filename !== null && !isBranch) return `named-${kind}`
  for (let at = alternative; at; at = at.above) {
    if (at.chosen[kind] !== undefined && at.chosen[kind] !== at.branch) return 'attachment'
  }
  for (let at = alternative; at; at = at.above) at.chosen[kind] = at.branch
  return kind
}

function toLeaf({ part, id, within }: Step, mimeType: string): Leaf {
  const type = readStructured(readHeader(part, 'content-type') ?? '')
  const disposition = readStructured(readHeader(part, 'content-disposition') ?? '')
  const contentId = unfold(readHeader(part, 'content-id') ?? '').replace(/^<|>$/g, '')
  return {
    part,
    id,
    mimeType,
    params: type.params,
    disposition: disposition.value,
    filename: readFilename(part, disposition.params.filename ?? type.params.name),
    contentId: contentId === '' ? null : contentId,
    within
  }
}

/** Gmail's own reading first; where it left an encoded word, or nothing, the mail's headers. */
function readFilename(part: Part, fromHeaders: string | undefined): string | null {
  const given = part.filename ?? ''
  const name = given === '' || given.includes('=?') ? (fromHeaders ?? given) : given
  // Control characters and marks of direction can make one name look like another.
  const plain = decodeWords(name.slice(0, 1024)).replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
  return plain.trim() === '' ? null : plain.trim()
}

function readMimeType({ mimeType }: Part): string {
  const type = (mimeType ?? '').trim().toLowerCase()
  return /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(type) ? type : 'text/plain'
}

const hasContent = ({ body }: Part) => Boolean(body?.data || body?.attachmentId)

/** The first header of that name (in lower case), as Gmail hands it over. */
function readHeader({ headers }: Part, name: string): string | undefined {
  return headers?.find(header => header.name?.toLowerCase() === name)?.value ?? undefined
}
