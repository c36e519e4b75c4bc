import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  Lexer,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
  type Node as YamlNode,
} from "yaml";
import { type Entry, formatPath, isEmpty, type Node, type Path } from "./node.ts";

/** A YAML document: what it holds, unless it is empty, and what is wrong with it as YAML. */
export type ParsedDocument = {
  readonly root: Node | null;
  readonly faults: readonly Fault[];
  /** Whether it isn't even YAML: what could be read of it means nothing. */
  readonly isSyntax: boolean;
};

/** What is wrong at an offset. */
export type Fault = { readonly at: number; readonly path: string; readonly message: string };

/** Maps and lists within each other, at most. */
const MAX_DEPTH = 100;
/** Aliases in a document, at most; one within an aliased value counts each time that value is used. */
const MAX_ALIASES = 1000;

/** Reads every document of a file. Never throws for what the file holds. */
export const parseYaml = (text: string): ParsedDocument[] => {
  try {
    return [...composeDocuments(text)].map(convertDocument);
  } catch (error) {
    if (error instanceof TooDeep)
      return [{ root: null, isSyntax: true, faults: [{ at: error.at, path: "", message: TOO_DEEP }] }];
    if (error instanceof RangeError)
      return [{ root: null, isSyntax: true, faults: [{ at: 0, path: "", message: TOO_DEEP }] }];
    throw error;
  }
};

const TOO_DEEP = `nested too deeply; expected at most ${MAX_DEPTH} levels`;

class TooDeep extends Error {
  readonly at: number;
  constructor(at: number) {
    super(TOO_DEEP);
    this.at = at;
  }
}

/** What the parser has open beside maps and lists: the document, and a scalar. */
const OUTSIDE = 2;

/** Looks at the depth as it reads: the parser's time grows with the square of it. */
function* composeDocuments(text: string): Generator<Document.Parsed, void> {
  const parser = new Parser();
  const composer = new Composer({ uniqueKeys: false, keepSourceTokens: false });
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) yield* composer.next(token);
    if (parser.stack.length > MAX_DEPTH + OUTSIDE) throw new TooDeep(offset);
    offset += lexeme.length;
  }
  for (const token of parser.end()) yield* composer.next(token);
  yield* composer.end(false, text.length);
}

const convertDocument = (document: Document.Parsed): ParsedDocument => {
  const [first] = document.errors;
  // What follows a mistake of syntax is read wrongly: the first one is the one to mend.
  if (first !== undefined) {
    return { root: null, isSyntax: true, faults: [{ at: first.pos[0], path: "", message: explain(first.message) }] };
  }
  const faults: Fault[] = document.warnings.map(({ pos, message }) => ({
    at: pos[0],
    path: "",
    message: explain(message),
  }));
  const root = document.contents === null ? null : new Converter(faults).convert(document.contents, []);
  return { root: root !== null && isEmpty(root) ? null : root, isSyntax: false, faults };
};

const explain = (message: string): string =>
  `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\s+/g, " ")}`;

/** Makes our nodes of the library's, with keys as texts, aliases resolved, and merges (`<<`) carried out. */
class Converter {
  readonly #faults: Fault[];
  /** The values that can be named by an alias, as read so far; null while one is being read. */
  readonly #anchors = new Map<string, { readonly node: Node; readonly aliases: number } | null>();
  #aliases = 0;

  constructor(faults: Fault[]) {
    this.#faults = faults;
  }

  convert(node: YamlNode | null, path: Path): Node {
    if (path.length >= MAX_DEPTH && isCollection(node)) throw new TooDeep(startOf(node));
    if (isAlias(node)) return this.#resolve(node, path);
    const anchor = node?.anchor;
    if (anchor === undefined) return this.#convertValue(node, path);
    this.#anchors.set(anchor, null);
    const before = this.#aliases;
    const converted = this.#convertValue(node, path);
    this.#anchors.set(anchor, { node: converted, aliases: this.#aliases - before });
    return converted;
  }

  #convertValue(node: YamlNode | null, path: Path): Node {
    if (node === null) return emptyScalar(0);
    if (isScalar(node)) return this.#convertScalar(node, path);
    if (isMap(node)) return { kind: "map", at: startOf(node), entries: this.#convertEntries(node, path) };
    return this.#convertList(node as YAMLSeq.Parsed, path);
  }

  #convertList(list: YAMLSeq.Parsed, path: Path): Node {
    const items = list.items.map((item, index) => this.convert(item, [...path, index]));
    return { kind: "list", at: startOf(list), items };
  }

  #convertScalar(node: Scalar, path: Path): Node {
    const [at, end] = [startOf(node), node.range?.[1] ?? 0];
    const value = node.value;
    if (
      typeof value === "number" &&
      !(Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value))
    ) {
      this.#fault(at, path, `the number ${node.source} can't be kept exactly; put it in quotes`);
    }
    const known =
      value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string";
    return { kind: "scalar", at, end, value: known ? value : String(value), source: node.source ?? String(value) };
  }

  #convertEntries(map: YAMLMap, path: Path): Entry[] {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const pair of map.items) {
      const key = this.#keyOf(pair, path);
      if (key === null) continue;
      const keyAt = startOf(pair.key as YamlNode);
      const value = this.#convertPairValue(pair, key, { keyAt, path });
      if (key === "<<" && isPlain(pair.key)) merged.push(...this.#mergedEntries(value, path));
      else if (entries.has(key)) this.#fault(keyAt, [...path, key], "given twice; expected each field once");
      else entries.set(key, { key, keyAt, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  #convertPairValue(pair: Pair, key: string, { keyAt, path }: { keyAt: number; path: Path }): Node {
    const value = pair.value as YamlNode | null;
    return value === null ? emptyScalar(keyAt) : this.convert(value, [...path, key]);
  }

  #keyOf(pair: Pair, path: Path): string | null {
    const { key } = pair;
    if (isScalar(key) && key.value !== null) {
      if (key.anchor !== undefined) this.#anchors.set(key.anchor, { node: this.#convertScalar(key, path), aliases: 0 });
      return typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
    }
    this.#fault(startOf(pair.key as YamlNode | null), path, "a key that is not a text; expected a name");
    return null;
  }

  #mergedEntries(value: Node, path: Path): readonly Entry[] {
    if (value.kind === "map") return value.entries;
    const maps = value.kind === "list" ? value.items : [];
    if (maps.length === 0 || maps.some((item) => item.kind !== "map")) {
      this.#fault(value.at, [...path, "<<"], "can't be merged; expected a map, or a list of maps");
    }
    return maps.flatMap((item) => (item.kind === "map" ? item.entries : []));
  }

  #resolve(alias: Alias, path: Path): Node {
    const at = startOf(alias);
    const target = this.#anchors.get(alias.source);
    if (target === undefined || target === null) {
      const wrong = target === null ? "stands for a value that it is a part of" : "has no anchor before it";
      this.#fault(at, path, `the alias '*${alias.source}' ${wrong}; expected '&${alias.source}' on an earlier value`);
      return emptyScalar(at);
    }
    this.#aliases += 1 + target.aliases;
    if (this.#aliases > MAX_ALIASES) {
      if (!this.#faults.some((fault) => fault.message === TOO_MANY_ALIASES)) this.#fault(at, path, TOO_MANY_ALIASES);
      return emptyScalar(at);
    }
    return target.node;
  }

  #fault(at: number, path: Path, message: string): void {
    this.#faults.push({ at, path: formatPath(path), message });
  }
}

const TOO_MANY_ALIASES = `too many aliases; expected at most ${MAX_ALIASES} in a document, each use within another one counted`;

const startOf = (node: YamlNode | null): number => node?.range?.[0] ?? 0;

const emptyScalar = (at: number): Node => ({ kind: "scalar", at, end: at, value: null, source: "" });

const isPlain = (key: unknown): boolean => isScalar(key) && key.type === "PLAIN";
