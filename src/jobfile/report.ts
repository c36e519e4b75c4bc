import { type Entry, formatPath, type Lookup, locate, type MapNode, type Node, type Path } from "./parse/node.ts";
import type { Fault } from "./parse/parse.ts";

/** Collects the problems of one document. */
export interface Report {
  readonly faults: readonly Fault[];
  /** Adds a problem at an offset. */
  add(at: number, path: Path, message: string): void;
  /** Adds a problem at the position of a value or, with `part`, of that text inside the value. */
  addAt(path: Path, message: string, part?: Part): void;
  /** Returns whether a problem was reported for the value at exactly this path. */
  has(path: Path): boolean;
  /** Maps later problems of a field to the misspelt entry that is used as that field. */
  readAs(entry: Entry, field: string): void;
  /** Returns the node at a path, or its closest existing ancestor, and the path with the keys as written. */
  locate(path: Path): { readonly node: Node; readonly path: Path };
}

export const makeReport = (root: Node, source: string): Report => {
  const faults: Fault[] = [];
  const offsets = new Map<string, number[]>();
  const { lookup, readAs, isSpelling } = makeLookup();
  const findPart = makeFindPart(source);
  const find = (path: Path) => locate(root, path, lookup);
  const add: Report["add"] = (at, path, message) => {
    const written = formatPath(path);
    faults.push({ at, path: written, message });
    const known = offsets.get(written);
    if (known === undefined) offsets.set(written, [at]);
    else known.push(at);
  };
  const addAt: Report["addAt"] = (path, message, part) => {
    const { node, path: written } = find(path);
    add(part === undefined ? node.at : findPart(node, part), written, message);
  };
  const has: Report["has"] = (path) =>
    faults.length > 0 && (offsets.get(formatPath(find(path).path)) ?? []).some((at) => !isSpelling(at));
  return { faults, add, addAt, has, readAs, locate: find };
};

type FieldSpellings = { readonly lookup: Lookup; readonly readAs: Report["readAs"]; isSpelling(at: number): boolean };

/** Caches the fields of each map, because a file may have thousands of problems. */
const makeLookup = (): FieldSpellings => {
  const fields = new Map<MapNode, ReadonlyMap<string, Entry>>();
  const misspelt = new Map<Entry, string>();
  const spellings = new Set<number>();
  return {
    lookup: (map, field) => {
      const known = fields.get(map) ?? new Map(map.entries.map((entry) => [entry.key, entry]));
      fields.set(map, known);
      return known.get(field) ?? map.entries.find((entry) => misspelt.get(entry) === field);
    },
    readAs: (entry, field) => {
      misspelt.set(entry, field);
      spellings.add(entry.keyAt);
    },
    isSpelling: (at) => spellings.has(at),
  };
};

type Part = { readonly text: string; readonly nth: number };

/**
 * Returns a function that finds the offset of the `nth` occurrence of a text in a value as written, or the value's own
 * offset if it is written differently. Each search starts after the previous match, because there may be thousands.
 */
const makeFindPart = (source: string): ((node: Node, part: Part) => number) => {
  let last: { readonly node: Node; readonly counts: Map<string, number>; at: number } | null = null;
  return (node, { text, nth }) => {
    if (node.kind !== "scalar") return node.at;
    // An alias refers to the same value again.
    const isNew = last?.node !== node || (last.counts.get(text) ?? -1) >= nth;
    if (last === null || isNew) last = { node, counts: new Map(), at: node.at - 1 };
    let at = last.at;
    for (let count = isNew ? -1 : nth - 1; count < nth; count++) {
      at = source.indexOf(text, at + 1);
      if (at === -1 || at >= node.end) return node.at;
    }
    last.counts.set(text, nth);
    last.at = at;
    return at;
  };
};
