import { formatPath, type Node, nodeAt, type Path } from "./node.ts";
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
}

export const makeReport = (root: Node, source: string): Report => {
  const faults: Fault[] = [];
  const add: Report["add"] = (at, path, message) => {
    faults.push({ at, path: formatPath(path), message });
  };
  const addAt: Report["addAt"] = (path, message, part) => {
    const node = nodeAt(root, path);
    add(part === undefined ? node.at : findPart(node, source, part), path, message);
  };
  const has: Report["has"] = (path) => faults.some((fault) => fault.path === formatPath(path));
  return { faults, add, addAt, has };
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
