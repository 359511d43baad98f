import type { Content } from '../content.ts'
import type { MimeNode } from '../mime/reader.ts'

/** A mail that a client hands over, to be sent or kept as a draft. */
export interface Outgoing {
  node: MimeNode
  /** Its bytes; of one too large to keep only the head. */
  raw: Content
  /** As it came. */
  size: number
  sha256: string
  threadId: string | undefined
}

/** What came under /upload. The mail is read as it streams in; up to 4 MiB of it are kept, its size and hash always. */
export interface Upload {
  isTooLarge: boolean
  /** The JSON part of a multipart upload. */
  metadata: Record<string, unknown>
  outgoing: Outgoing | undefined
  /** Why there is no mail. */
  fault: string | undefined
}
