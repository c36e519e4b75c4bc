import type { Json } from "../../lib/json.ts";
import { shorten } from "../../lib/text.ts";

/** A YAML value and its position: `at` is the offset of its first character, in UTF-16 code units. */
export type Node = MapNode | ListNode | ScalarNode;

export type MapNode = { readonly kind: "map"; readonly at: number; readonly entries: readonly Entry[] };

/** An entry of a map. Keys are unique texts. */
export type Entry = { readonly key: string; readonly keyAt: number; readonly value: Node };

type ListNode = { readonly kind: "list"; readonly at: number; readonly items: readonly Node[] };

export type ScalarNode = {
  readonly kind: "scalar";
  readonly at: number;
  /** Offset after its last character. */
  readonly end: number;
  readonly value: null | boolean | number | string;
  /** The source text: `1.50` stays `1.50`. */
  readonly source: string;
};

/** The keys and indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** Formats a path as `tasks[1].retry.delay`; quotes keys with unusual characters. */
export const formatPath = (path: Path): string => path.map(formatStep).join("").replace(/^\./, "");

const formatStep = (step: string | number): string => {
  if (typeof step === "number") return `[${step}]`;
  return /^[\w-]{1,80}$/.test(step) ? `.${step}` : `[${JSON.stringify(shorten(step))}]`;
};

/** Finds the entry of a field in a map. */
export type Lookup = (map: MapNode, field: string) => Entry | undefined;

/** Returns the node at a path, or its closest existing ancestor, and the path with the keys as written. */
export const locate = (root: Node, path: Path, lookup: Lookup): { readonly node: Node; readonly path: Path } => {
  let node = root;
  const written: (string | number)[] = [];
  for (const step of path) {
    const next = childOf(node, step, lookup);
    if (next === undefined) break;
    node = next.node;
    written.push(next.step);
  }
  return { node, path: [...written, ...path.slice(written.length)] };
};

type Child = { readonly node: Node; readonly step: string | number };

const childOf = (node: Node, step: string | number, lookup: Lookup): Child | undefined => {
  if (node.kind === "list" && typeof step === "number") {
    const item = node.items[step];
    return item === undefined ? undefined : { node: item, step };
  }
  const entry = node.kind === "map" && typeof step === "string" ? lookup(node, step) : undefined;
  return entry === undefined ? undefined : { node: entry.value, step: entry.key };
};

export const isEmpty = (node: Node): boolean => node.kind === "scalar" && node.value === null;

/** Describes the kind of a value, for messages. */
export const describe = (node: Node): string => {
  if (node.kind !== "scalar") return node.kind === "map" ? "a map" : "a list";
  if (node.value === null) return "empty";
  switch (typeof node.value) {
    case "string":
      return "a text";
    case "number":
      return "a number";
    default:
      return "a boolean";
  }
};

export const toJson = (node: Node): Json => {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(toJson);
    case "map":
      return Object.fromEntries(node.entries.map((entry) => [entry.key, toJson(entry.value)]));
  }
};
