import { type Entry, isEmpty, type MapNode, type Node, toJson } from "../../../jobfile/parse/node.ts";
import type { Remarks, SourcePlace } from "../remarks.ts";
import { whyNoField } from "./left-out.ts";

/** A DAG file that is being translated. It knows which fields were used, so that the others can be named. */
export class DagSource {
  readonly file: string;
  readonly remarks: Remarks;
  private readonly lineOf: (offset: number) => number;
  private readonly maps: Fields[] = [];

  constructor(file: string, remarks: Remarks, lineOf: (offset: number) => number) {
    this.file = file;
    this.remarks = remarks;
    this.lineOf = lineOf;
  }

  fields(map: MapNode): Fields {
    const fields = new Fields(map, this);
    this.maps.push(fields);
    return fields;
  }

  placeOf({ key, keyAt, value }: Entry): SourcePlace {
    return { file: this.file, line: this.lineOf(keyAt), text: withDollars(`${key}: ${textOf(value) ?? "…"}`) };
  }

  placeOfNode(node: Node, text: string): SourcePlace {
    return { file: this.file, line: this.lineOf(node.at), text: withDollars(text) };
  }

  /** Names all fields that nothing has used. */
  nameTheRest(): void {
    for (const fields of this.maps)
      for (const entry of fields.unused())
        this.remarks.leaveOut(this.placeOf(entry), fields.whyUnused ?? whyNoField(snakeCase(entry.key)));
  }
}

/** The fields of a map. Names are in snake case; files can also have camel case, as older versions of Dagu. */
export class Fields {
  readonly map: MapNode;
  readonly source: DagSource;
  /** Why nothing comes of the fields that nothing uses; null for the reason of each. */
  whyUnused: string | null = null;
  private readonly used = new Set<Entry>();

  constructor(map: MapNode, source: DagSource) {
    this.map = map;
    this.source = source;
  }

  /** Returns the first field with one of the names that is not empty. */
  take(...names: readonly string[]): Entry | null {
    const entries = this.map.entries.filter(({ key }) => names.includes(snakeCase(key)));
    for (const entry of entries) this.used.add(entry);
    const [first = null, ...others] = entries.filter(({ value }) => !isEmpty(value));
    for (const entry of others) this.leaveOut(entry, `'${first?.key}' says the same`);
    return first;
  }

  /** Uses a field whose name is not one of Dagu's. */
  use(key: string): void {
    for (const entry of this.map.entries) if (entry.key === key) this.used.add(entry);
  }

  /** Makes fields unused again, so that they are named. */
  release(names: readonly string[]): void {
    for (const entry of this.map.entries) if (names.includes(snakeCase(entry.key))) this.used.delete(entry);
  }

  /** Returns the text of a scalar; says so if it is something else. */
  text(...names: readonly string[]): string | null {
    const entry = this.take(...names);
    if (entry === null) return null;
    const text = textOf(entry.value);
    if (text === null) this.leaveOut(entry, "it is not a text");
    return text;
  }

  /** Returns a whole number of at least `min`; says so if it is something else. */
  number(min: number, ...names: readonly string[]): number | null {
    const entry = this.take(...names);
    if (entry === null) return null;
    const number = Number(textOf(entry.value) ?? Number.NaN);
    if (Number.isSafeInteger(number) && number >= min) return number;
    this.leaveOut(entry, `expected a whole number of at least ${min}`);
    return null;
  }

  boolean(...names: readonly string[]): boolean {
    const text = this.text(...names);
    return text?.toLowerCase() === "true";
  }

  /** Returns the texts of a scalar or a list of scalars. */
  texts(...names: readonly string[]): readonly string[] {
    const entry = this.take(...names);
    if (entry === null) return [];
    const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
    const texts = nodes.map(textOf);
    if (texts.includes(null)) this.leaveOut(entry, "it is not a list of texts");
    return texts.flatMap((text) => text ?? []);
  }

  /** Returns the fields of a map; null if there is none. */
  child(...names: readonly string[]): Fields | null {
    const entry = this.take(...names);
    if (entry === null) return null;
    if (entry.value.kind === "map") return this.source.fields(entry.value);
    this.leaveOut(entry, "it is not a map");
    return null;
  }

  leaveOut(entry: Entry, why: string): void {
    this.source.remarks.leaveOut(this.source.placeOf(entry), why);
  }

  note(entry: Entry, note: string): void {
    this.source.remarks.note(this.source.placeOf(entry), note);
  }

  unused(): readonly Entry[] {
    return this.map.entries.filter((entry) => !this.used.has(entry));
  }
}

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Stands for `${{` of the source, which would be a template in a job file. */
export const OPEN = "\uE001";

const withDollars = (text: string): string => text.replaceAll(OPEN, "${{");

/** Returns the text of a scalar, as it is written for a number; null for a map or list. */
export const textOf = (node: Node): string | null => {
  if (node.kind !== "scalar") return null;
  if (typeof node.value === "string") return node.value.replaceAll("${{", OPEN);
  return node.value === null ? "" : node.source;
};

/** Returns the names and values of a map, or of a list of maps and of texts `NAME=value`. Null if it is something else. */
export const pairsOf = (node: Node): readonly (readonly [name: string, value: Node | string])[] | null => {
  if (node.kind === "map") return node.entries.map(({ key, value }) => [key, value] as const);
  if (node.kind !== "list") return null;
  const pairs: (readonly [string, Node | string])[] = [];
  for (const item of node.items) {
    if (item.kind === "map") pairs.push(...item.entries.map(({ key, value }) => [key, value] as const));
    else {
      const [, name, value = ""] = /^([A-Za-z_]\w*)=(.*)$/s.exec(textOf(item) ?? "") ?? [];
      if (name === undefined) return null;
      pairs.push([name, value]);
    }
  }
  return pairs;
};

/** Returns a value as text; maps and lists as JSON. */
export const valueText = (value: Node | string): string =>
  typeof value === "string" ? value : (textOf(value) ?? JSON.stringify(toJson(value)));
