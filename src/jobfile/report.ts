import { type Entry, formatPath, type Lookup, locate, type MapNode, type Node, type Path } from "./parse/node.ts";
import type { Fault } from "./parse/parse.ts";

/** Collects what is wrong with one document. */
export interface Report {
  readonly faults: readonly Fault[];
  /** At an offset. */
  add(at: number, path: Path, message: string): void;
  /** Where a value stands; with `part`, where that text stands in it. */
  addAt(path: Path, message: string, part?: Part): void;
  /** Whether something is wrong with the value at a path itself. */
  has(path: Path): boolean;
  /** Has what is told of a field be told of a misspelt entry that is read as it. */
  readAs(entry: Entry, field: string): void;
  /** What stands at a path, or the last thing on the way to it, and the path with its keys as they are written. */
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

type Spelling = { readonly lookup: Lookup; readonly readAs: Report["readAs"]; isSpelling(at: number): boolean };

/** Keeps the fields of each map that was asked about: a file may have thousands of mistakes. */
const makeLookup = (): Spelling => {
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
 * Answers the offset of the `nth` `part` in a value as written; the value's own where it is written in another way. Each is
 * looked for after the one that was told before it: a value may have thousands of them.
 */
const makeFindPart = (source: string): ((node: Node, part: Part) => number) => {
  let last: { readonly node: Node; readonly told: Map<string, number>; at: number } | null = null;
  return (node, { text, nth }) => {
    if (node.kind !== "scalar") return node.at;
    // An alias brings the same value once more.
    const isNew = last?.node !== node || (last.told.get(text) ?? -1) >= nth;
    if (last === null || isNew) last = { node, told: new Map(), at: node.at - 1 };
    last.told.set(text, nth);
    const at = source.indexOf(text, last.at + 1);
    if (at === -1 || at >= node.end) return node.at;
    last.at = at;
    return at;
  };
};
