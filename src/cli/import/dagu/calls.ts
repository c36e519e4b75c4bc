import { toJson } from "../../../jobfile/parse/node.ts";
import type { Json } from "../../../lib/json.ts";
import { type Fields, pairsOf, textOf, valueText } from "./fields.ts";

/** Returns the items of `parallel` as `foreach`, and how many may run at once. */
export const parallelOf = (
  fields: Fields,
  outputs: ReadonlyMap<string, string>,
  params: ReadonlySet<string>,
): Readonly<Record<string, Json>> | null => {
  const entry = fields.take("parallel");
  if (entry === null) return null;
  const map = entry.value.kind === "map" ? fields.source.fields(entry.value) : null;
  const items = map === null ? entry : map.take("items");
  const max = map?.number(1, "max_concurrent") ?? null;
  const limit = { max_parallel: max ?? 10 };
  if (items?.value.kind === "list") {
    const values = items.value.items.map(toJson);
    const texts = values.map((value) => JSON.stringify(value));
    const unique = values.filter((_, index) => texts.indexOf(texts[index] ?? "") === index);
    if (unique.length < values.length) fields.leaveOut(entry, "an item that is there twice runs once");
    return { foreach: unique, ...limit };
  }
  const name = /^\$\{?(\w+)\}?$/.exec(items === null ? "" : (textOf(items.value) ?? ""))?.[1];
  const task = name === undefined ? undefined : outputs.get(name);
  if (name === undefined || (task === undefined && !params.has(name))) {
    fields.leaveOut(entry, "petit knows items only from a list, a param or the output of a step before");
    return null;
  }
  fields.note(entry, "it has to be a JSON array");
  return { foreach: task === undefined ? `\${{ params.${name} }}` : `\${{ tasks.${task}.outputs.${name} }}`, ...limit };
};

/** Returns the params that a step passes to another DAG. */
export const passedParams = (fields: Fields): readonly (readonly [name: string, value: string])[] => {
  const entry = fields.take("params");
  if (entry === null) return [];
  const pairs = pairsOf(entry.value);
  if (pairs !== null) return pairs.map(([name, value]) => [name, valueText(value)] as const);
  const text = textOf(entry.value) ?? "";
  const words = [...text.matchAll(/([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)/g)];
  if (words.length > 0)
    return words.map(([, name = "", value = ""]) => [name, value.replace(/^(["'])(.*)\1$/s, "$2")] as const);
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word, index) => [`ARG${index + 1}`, word.replace(/^(["'])(.*)\1$/s, "$2")] as const);
};
