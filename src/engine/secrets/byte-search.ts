/** A range of bytes, from `from` up to but not including `to`. */
export type ByteRange = { readonly from: number; readonly to: number };

/** Maximum length of the beginning of each pattern that is searched for. The shifts must fit into a byte. */
const MAX_WINDOW_BYTES = 32;

const PAIRS = 65_536;

/**
 * Finds any number of byte patterns in one pass, by the algorithm of Wu and Manber ("A fast algorithm for multi-pattern
 * searching", 1994) with blocks of two bytes: most positions are skipped, as in Boyer and Moore's search.
 */
export class ByteSearch {
  readonly #window: number;
  /** By two bytes: how far the window can move if it ends with them. */
  readonly #shifts: Uint8Array;
  /** By two bytes: the patterns whose window ends with them. */
  readonly #candidates = new Map<number, Uint8Array[]>();

  /** Each pattern has at least two bytes. */
  constructor(patterns: readonly Uint8Array[]) {
    this.#window = Math.min(MAX_WINDOW_BYTES, ...patterns.map(({ length }) => length));
    const last = this.#window - 2;
    this.#shifts = new Uint8Array(PAIRS).fill(last + 1);
    for (const pattern of patterns) {
      for (let at = 0; at <= last; at++) {
        const pair = pairAt(pattern, at);
        this.#shifts[pair] = Math.min(this.#shifts[pair] ?? 0, last - at);
      }
      const pair = pairAt(pattern, last);
      const candidates = this.#candidates.get(pair);
      if (candidates === undefined) this.#candidates.set(pair, [pattern]);
      else candidates.push(pattern);
    }
  }

  /** Returns what the patterns cover: overlapping matches are one range. The ranges are in order. */
  find(bytes: Uint8Array): readonly ByteRange[] {
    const ranges: ByteRange[] = [];
    const last = this.#window - 2;
    for (let at = last; at + 1 < bytes.length; ) {
      const shift = this.#shifts[pairAt(bytes, at)] ?? 0;
      if (shift > 0) at += shift;
      else {
        const to = this.#endOfMatch(bytes, at - last);
        if (to !== null) add(ranges, { from: at - last, to });
        at++;
      }
    }
    return ranges;
  }

  /** Returns the end of the longest match that begins at a position, or null. */
  #endOfMatch(bytes: Uint8Array, from: number): number | null {
    let longest = 0;
    for (const pattern of this.#candidates.get(pairAt(bytes, from + this.#window - 2)) ?? [])
      if (pattern.length > longest && startsWith(bytes, from, pattern)) longest = pattern.length;
    return longest === 0 ? null : from + longest;
  }
}

/** Returns what two lists of ranges cover together. */
export const union = (some: readonly ByteRange[], others: readonly ByteRange[]): readonly ByteRange[] => {
  if (some.length === 0 || others.length === 0) return some.length === 0 ? others : some;
  const ranges: ByteRange[] = [];
  for (const range of [...some, ...others].sort((a, b) => a.from - b.from)) add(ranges, range);
  return ranges;
};

const pairAt = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

const startsWith = (bytes: Uint8Array, from: number, pattern: Uint8Array): boolean => {
  if (from + pattern.length > bytes.length) return false;
  for (let at = 0; at < pattern.length; at++) if (bytes[from + at] !== pattern[at]) return false;
  return true;
};

/** Adds a range that does not begin before the others. */
const add = (ranges: ByteRange[], { from, to }: ByteRange): void => {
  const previous = ranges.at(-1);
  if (previous === undefined || previous.to <= from) ranges.push({ from, to });
  else ranges[ranges.length - 1] = { from: previous.from, to: Math.max(previous.to, to) };
};
