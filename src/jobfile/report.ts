import { type Entry, formatPath, locate, type Node, type Path } from "./node.ts";
import type { Fault } from "./parse.ts";

/** Collects what is wrong with one document. */
export interface Report {
  readonly faults: readonly Fault[];
  /** At an offset. */
  add(at: number, path: Path, message: string): void;
  /** Where a value stands; with `part`, where that text stands in it. */
  addAt(path: Path, message: string, part?: { readonly text: string; readonly nth: number }): void;
  /** Whether something is wrong with the value at a path itself. */
  has(path: Path): boolean;
  /** Has what is told of a field be told of a misspelt entry that is read as it. */
  readAs(entry: Entry, field: string): void;
  /** What stands at a path, or the last thing on the way to it, and the path with its keys as they are written. */
  locate(path: Path): { readonly node: Node; readonly path: Path };
}

export const makeReport = (root: Node, source: string): Report => {
  const faults: Fault[] = [];
  const misspelt = new Map<Entry, string>();
  const find = (path: Path) => locate(root, path, misspelt);
  const add: Report["add"] = (at, path, message) => {
    faults.push({ at, path: formatPath(path), message });
  };
  const addAt: Report["addAt"] = (path, message, part) => {
    const { node, path: written } = find(path);
    add(part === undefined ? node.at : findPart(node, source, part), written, message);
  };
  const has: Report["has"] = (path) => {
    if (faults.length === 0) return false;
    const written = formatPath(find(path).path);
    const spellings = new Set(misspelt.keys().map(({ keyAt }) => keyAt));
    return faults.some(({ path: wrong, at }) => wrong === written && !spellings.has(at));
  };
  return { faults, add, addAt, has, readAs: (entry, field) => misspelt.set(entry, field), locate: find };
};

/** The offset of the `nth` `part` in a value as written; the value's own where it is written in another way. */
const findPart = (node: Node, source: string, part: { readonly text: string; readonly nth: number }): number => {
  if (node.kind !== "scalar") return node.at;
  let found = node.at - 1;
  for (let count = 0; count <= part.nth; count++) {
    found = source.indexOf(part.text, found + 1);
    if (found === -1 || found >= node.end) return node.at;
  }
  return found;
};
