import { addNeedles, type Encoding, type Found, type NeedleIndex, scan } from './leak-scan.ts'

export type SecretKind =
  | 'code'
  | 'access_token'
  | 'refresh_token'
  | 'id_token'
  | 'client_secret'
  | 'code_verifier'
  | 'state'
  | 'nonce'
  /** The marker that every secret of this instance carries: found alone, a secret was cut short. */
  | 'canary'
  /** Added by a test, for instance the text of a mail. */
  | 'planted'

export interface LedgerEntry {
  readonly kind: SecretKind
  readonly value: string
  readonly sub?: string
  readonly issuedAtMs: number
  /** Whether it still opens anything now (not used up, revoked, evicted or expired). */
  readonly alive: boolean
}

export interface LedgerHit extends LedgerEntry {
  readonly encoding: Encoding
}

export interface Ledger {
  readonly entries: readonly LedgerEntry[]
  /** Secrets of one kind, oldest first; `sub` and `alive` narrow them. */
  of(kind: SecretKind, filter?: { sub?: string; alive?: boolean }): LedgerEntry[]
  /** Every known secret in the haystack, once each, in 7 encodings: see leak-scan.ts. `kinds` narrows. */
  find(haystack: string | Buffer, kinds?: readonly SecretKind[]): LedgerHit[]
  /** The `sub` whose account this access token opens now, or undefined when it opens none. */
  canOpen(accessToken: string): string | undefined
  /** The `sub` a secret was issued for, dead or alive. */
  ownerOf(value: string): string | undefined
  /** Makes `find` look for another value too, such as a mail's text (12 characters or more). */
  plant(value: string): void
}

export interface LedgerBook extends Ledger {
  record(kind: SecretKind, value: string, details?: { sub?: string; isAlive?: () => boolean }): void
}

export function createLedger({ nowMs }: { nowMs: () => number }): LedgerBook {
  const entries: LedgerEntry[] = []
  const byValue = new Map<string, LedgerEntry>()
  const index: NeedleIndex<LedgerEntry> = new Map()
  let notIndexed: LedgerEntry[] = []

  function record(kind: SecretKind, value: string, details: { sub?: string; isAlive?: () => boolean } = {}): void {
    // A state or a verifier may be seen again: one entry each.
    if (byValue.get(value)?.kind === kind) return
    const { sub, isAlive = () => true } = details
    const entry: LedgerEntry = {
      kind,
      value,
      ...(sub === undefined ? {} : { sub }),
      issuedAtMs: nowMs(),
      get alive() {
        return isAlive()
      }
    }
    entries.push(entry)
    byValue.set(value, entry)
    notIndexed.push(entry)
  }

  // Done when asked: a load test records a hundred thousand secrets and may never look for one.
  function completeIndex(): void {
    for (const entry of notIndexed) {
      addNeedles(index, entry.value, entry)
      // The claims alone leak as much as the whole; the signature is its end.
      if (entry.kind === 'id_token') addNeedles(index, entry.value.split('.')[1] ?? '', entry)
    }
    notIndexed = []
  }

  function find(haystack: string | Buffer, kinds?: readonly SecretKind[]): LedgerHit[] {
    completeIndex()
    const found = scan(index, haystack)
    const whole = found.filter(hit => hit.owner.kind !== 'canary')
    const cut = found.filter(hit => hit.owner.kind === 'canary' && !whole.some(other => isInside(hit, other)))
    const hits = new Map<LedgerEntry, LedgerHit>()
    for (const { owner, encoding } of [...whole, ...cut]) {
      if (kinds && !kinds.includes(owner.kind)) continue
      if (!hits.has(owner)) hits.set(owner, { ...owner, encoding })
    }
    return [...hits.values()]
  }

  return {
    entries,
    record,
    find,
    of: (kind, filter = {}) =>
      entries.filter(
        entry =>
          entry.kind === kind &&
          (filter.sub === undefined || entry.sub === filter.sub) &&
          (filter.alive === undefined || entry.alive === filter.alive)
      ),
    canOpen: accessToken => {
      const entry = byValue.get(accessToken)
      return entry?.kind === 'access_token' && entry.alive ? entry.sub : undefined
    },
    ownerOf: value => byValue.get(value)?.sub,
    plant: value => record('planted', value)
  }
}

// The ends of an encoded needle are trimmed by its neighbours: four characters of slack.
function isInside(inner: Found<LedgerEntry>, outer: Found<LedgerEntry>): boolean {
  return inner.start >= outer.start - 4 && inner.end <= outer.end + 4
}
