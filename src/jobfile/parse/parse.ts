import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  Parser,
  type Scalar,
  Schema,
  type Tags,
  type YAMLMap,
  type YAMLParseError,
} from "yaml";
import { type Entry, formatPath, isEmpty, type Node, type Path } from "./node.ts";

/** A parsed YAML document and its YAML problems. `root` is null if the document is empty. */
export type ParsedDocument = {
  readonly root: Node | null;
  readonly faults: readonly Fault[];
  /** True if the text is not valid YAML, so that `root` is meaningless. */
  readonly isSyntax: boolean;
  /** Offset of the end of the document. */
  readonly end: number;
};

/** A problem at an offset. */
export type Fault = { readonly at: number; readonly path: string; readonly message: string };

/** Maximum nesting of maps and lists. */
const MAX_DEPTH = 100;
/** Maximum number of aliases in a document. An alias inside an aliased value counts at each use of that value. */
const MAX_ALIASES = 1000;
/** Maximum number of characters that the aliases of a document expand to, counted in the same way. */
const MAX_ALIASED = 4 * 2 ** 20;

/** Parses every document of a file. Never throws because of the content. */
export const parseYaml = (text: string): ParsedDocument[] => {
  try {
    const quotes: number[] = [];
    return [...composeDocuments(text, quotes)].map((document) => convertDocument(document, quotes));
  } catch (error) {
    if (error instanceof Unreadable) return [unreadable(error.at, error.message)];
    throw error;
  }
};

/** Thrown to stop parsing a file that exceeds a limit. */
class Unreadable extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const TOO_DEEP = `nested too deeply; expected at most ${MAX_DEPTH} levels`;
const TOO_MANY_ALIASES = `too many aliases; expected at most ${MAX_ALIASES} in a document, nested uses included`;
const TOO_LARGE_ALIASES = "the aliases expand to too much text; expected at most 4 MiB in a document";

const unreadable = (at: number, message: string): ParsedDocument => ({
  root: null,
  faults: [{ at, path: "", message }],
  isSyntax: true,
  end: at,
});

/** The parser's stack also contains the document and a scalar. */
const OUTSIDE = 2;

/**
 * Checks the depth during parsing, because the parser takes quadratic time in it. Collects in `quotes` the offsets of
 * unclosed quotes, because the library reports only the end of the text.
 */
function* composeDocuments(text: string, quotes: number[]): Generator<Document.Parsed, void> {
  const parser = new Parser();
  const composer = new Composer({
    ...OPTIONS,
    // Without the schema, the library would create one for each document. A directive `%YAML` can choose another one.
    ...(text.includes("%YAML") ? {} : { schema: SCHEMA }),
  });
  for (const lexeme of new Lexer().lex(text)) {
    if (isUnclosedQuote(lexeme)) quotes.push(parser.offset);
    for (const token of parser.next(lexeme)) yield* composer.next(token);
    if (parser.stack.length > MAX_DEPTH + OUTSIDE) throw new Unreadable(parser.offset, TOO_DEEP);
  }
  for (const token of parser.end()) yield* composer.next(token);
  yield* composer.end(false, text.length);
}

const isUnclosedQuote = (lexeme: string): boolean =>
  (lexeme.startsWith('"') || lexeme.startsWith("'")) && /^(["'])(?!.*\1$)/s.test(lexeme);

/** Tags of YAML 1.1 that produce other types than maps, lists and scalars, and `merge`, which `Converter` implements. */
const EXOTIC = new Set(
  ["binary", "merge", "omap", "pairs", "set", "timestamp"].map((name) => `tag:yaml.org,2002:${name}`),
);

const tagsOfPlainData = (tags: Tags): Tags => tags.filter((tag) => typeof tag === "string" || !EXOTIC.has(tag.tag));

const OPTIONS = { uniqueKeys: false, keepSourceTokens: false, resolveKnownTags: false, customTags: tagsOfPlainData };

const SCHEMA = new Schema({ ...OPTIONS, schema: "core" });

const convertDocument = (
  { errors, warnings, contents, range }: Document.Parsed,
  quotes: readonly number[],
): ParsedDocument => {
  // Everything after the first syntax error is unreliable, so only the first one is reported.
  const [first] = errors;
  if (first !== undefined) return unreadable(placeOf(first, quotes), explain(first.message));
  const faults = warnings.map(({ pos, message }): Fault => ({ at: pos[0], path: "", message: explain(message) }));
  const root = contents === null ? null : new Converter(faults).convert(contents, []);
  return { root: root !== null && isEmpty(root) ? null : root, isSyntax: false, faults, end: range[2] };
};

const placeOf = ({ pos: [at], message }: YAMLParseError, quotes: readonly number[]): number =>
  (message.startsWith("Missing closing") ? quotes.findLast((quote) => quote < at) : null) ?? at;

const explain = (message: string): string =>
  `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\s+/g, " ")}`;

/**
 * A value that an alias can refer to: its nesting depth, the number of aliases in it, and its length in characters with
 * all aliases expanded.
 */
type Target = { readonly node: Node; readonly depth: number; readonly aliases: number; readonly characters: number };

type Plain = Exclude<ParsedNode, Alias.Parsed>;
type Pair = YAMLMap.Parsed["items"][number];

/** Converts the library's nodes: keys become texts, aliases are resolved, and merges (`<<`) are applied. */
class Converter {
  readonly #faults: Fault[];
  /** By anchor; null while the anchored value is being converted. */
  readonly #targets = new Map<string, Target | null>();
  #aliases = 0;
  #aliased = 0;
  /** The deepest nesting level in the value that is being converted, with aliases expanded. */
  #deepest = 0;

  constructor(faults: Fault[]) {
    this.#faults = faults;
  }

  convert(node: ParsedNode, path: Path): Node {
    if (isAlias(node)) return this.#resolve(node, path);
    return node.anchor === undefined ? this.#convertValue(node, path) : this.#convertAnchored(node, node.anchor, path);
  }

  #convertAnchored(node: Plain, anchor: string, path: Path): Node {
    this.#targets.set(anchor, null);
    const [aliases, aliased, deepest] = [this.#aliases, this.#aliased, this.#deepest];
    this.#deepest = path.length;
    const converted = this.#convertValue(node, path);
    this.#targets.set(anchor, {
      node: converted,
      depth: this.#deepest - path.length,
      aliases: this.#aliases - aliases,
      characters: node.range[1] - node.range[0] + this.#aliased - aliased,
    });
    this.#deepest = Math.max(this.#deepest, deepest);
    return converted;
  }

  #goDown(depth: number, at: number): void {
    if (depth > MAX_DEPTH) throw new Unreadable(at, TOO_DEEP);
    this.#deepest = Math.max(this.#deepest, depth);
  }

  #convertValue(node: Plain, path: Path): Node {
    const at = node.range[0];
    if (isCollection(node)) this.#goDown(path.length + 1, at);
    if (isMap(node)) return { kind: "map", at, entries: this.#convertEntries(node, path) };
    if (isSeq(node)) {
      return { kind: "list", at, items: node.items.map((item, index) => this.convert(item, [...path, index])) };
    }
    return convertScalar(node);
  }

  #convertEntries(map: YAMLMap.Parsed, path: Path): Entry[] {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const pair of map.items) {
      const key = this.#keyOf(pair, path);
      if (key === null) continue;
      const keyAt = pair.key.range[0];
      const value = pair.value === null ? emptyScalar(keyAt) : this.convert(pair.value, [...path, key]);
      if (key === "<<" && isPlain(pair.key)) merged.push(...this.#mergedEntries(value, path));
      else if (entries.has(key)) this.#fault(keyAt, [...path, key], "given twice; expected each field once");
      else entries.set(key, { key, keyAt, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  /** Returns a key as a text, or null (after reporting it) if it is not a scalar. */
  #keyOf({ key }: Pair, path: Path): string | null {
    if (!isScalar(key) || key.value === null) {
      this.#fault(key.range[0], path, "a key is not a text; expected a name");
      return null;
    }
    const { value, source } = convertScalar(key);
    if (key.anchor !== undefined)
      this.#targets.set(key.anchor, { node: convertScalar(key), depth: 0, aliases: 0, characters: source.length });
    return typeof value === "string" ? value : source;
  }

  #mergedEntries(value: Node, path: Path): readonly Entry[] {
    if (value.kind === "map") return value.entries;
    const maps = value.kind === "list" ? value.items : [];
    if (maps.length === 0 || maps.some((item) => item.kind !== "map")) {
      this.#fault(value.at, [...path, "<<"], "can't be merged; expected a map, or a list of maps");
    }
    return maps.flatMap((item) => (item.kind === "map" ? item.entries : []));
  }

  #resolve(alias: Alias.Parsed, path: Path): Node {
    const [at] = alias.range;
    const target = this.#targets.get(alias.source);
    if (target === undefined || target === null) {
      const wrong = target === null ? "refers to a value that contains it" : "has no anchor before it";
      this.#fault(at, path, `the alias '*${alias.source}' ${wrong}; expected '&${alias.source}' on an earlier value`);
      return emptyScalar(at);
    }
    this.#goDown(path.length + target.depth, at);
    this.#aliases += 1 + target.aliases;
    this.#aliased += target.characters;
    if (this.#aliases > MAX_ALIASES) throw new Unreadable(at, TOO_MANY_ALIASES);
    if (this.#aliased > MAX_ALIASED) throw new Unreadable(at, TOO_LARGE_ALIASES);
    return target.node;
  }

  #fault(at: number, path: Path, message: string): void {
    this.#faults.push({ at, path: formatPath(path), message });
  }
}

const convertScalar = ({ value, source, range: [at, end] }: Scalar.Parsed): Extract<Node, { kind: "scalar" }> => ({
  kind: "scalar",
  at,
  end,
  value: isPlainValue(value) ? value : String(value),
  source: source ?? String(value),
});

const isPlainValue = (value: unknown): value is null | boolean | number | string =>
  value === null || ["boolean", "number", "string"].includes(typeof value);

const emptyScalar = (at: number): Node => ({ kind: "scalar", at, end: at, value: null, source: "" });

const isPlain = (key: unknown): boolean => isScalar(key) && key.type === "PLAIN";
