/** One key of the ring: `id` is part of every envelope that it seals. */
export interface VaultKey {
  readonly id: string
  readonly key: Buffer
}

const keyPattern = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/

/** Reads `id:base64,id:base64`, newest first; an empty ring if any part is malformed or an id comes twice. */
export function parseKeyRing(text: string): VaultKey[] {
  const ring: VaultKey[] = []
  for (const part of text.split(',')) {
    const [, id, base64] = keyPattern.exec(part.trim()) ?? []
    if (!id || !base64 || ring.some(key => key.id === id)) return []
    ring.push({ id, key: Buffer.from(base64, 'base64') })
  }
  return ring
}
