import type { Json } from "../../lib/json.ts";
import { shorten } from "../../lib/shorten.ts";

/** A YAML value with its place in the file: `at` is the offset of its first character, in UTF-16 units. */
export type Node = MapNode | ListNode | ScalarNode;

export type MapNode = { readonly kind: "map"; readonly at: number; readonly entries: readonly Entry[] };

/** Keys of a map are texts, each once. */
export type Entry = { readonly key: string; readonly keyAt: number; readonly value: Node };

export type ListNode = { readonly kind: "list"; readonly at: number; readonly items: readonly Node[] };

export type ScalarNode = {
  readonly kind: "scalar";
  readonly at: number;
  /** One past its last character. */
  readonly end: number;
  readonly value: null | boolean | number | string;
  /** As written, for what isn't a text: `1.50` stays `1.50`. */
  readonly source: string;
};

/** Where a value stands: the keys and indexes that lead to it. */
export type Path = readonly (string | number)[];

/** `tasks[1].retry.delay`; a key with odd characters is quoted. */
export const formatPath = (path: Path): string => path.map(formatStep).join("").replace(/^\./, "");

const formatStep = (step: string | number): string => {
  if (typeof step === "number") return `[${step}]`;
  return /^[\w-]{1,80}$/.test(step) ? `.${step}` : `[${JSON.stringify(shorten(step))}]`;
};

/** Finds what a map has for a field. */
export type Lookup = (map: MapNode, field: string) => Entry | undefined;

/** What stands at a path, or the last thing on the way to it that is there; and the path with its keys as they are written. */
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

/** What a value is, for messages. */
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
