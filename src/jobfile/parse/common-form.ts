import type { Entry, Node, ScalarNode } from "./node.ts";

/** A document in the common form. */
export type CommonDocument = { readonly root: Node; readonly end: number };

/**
 * Reads a document as most people write job files: block maps and lists, flow collections within a line, scalars within a line,
 * and literal texts (`|`). It takes a fraction of the time of the library. Returns null for any text with something else, and for
 * any text that could be a mistake: the library then reads it, and explains it. The result is the same as the library's.
 */
export const readCommonForm = (text: string): CommonDocument | null => {
  const start = text.startsWith(MARKER) ? MARKER.length : 0;
  if (UNCOMMON.test(start === 0 ? text : text.slice(start))) return null;
  try {
    return new Reader(text, start).read();
  } catch (error) {
    if (error === OTHER_FORM) return null;
    throw error;
  }
};

const MARKER = "---\n";

/** Characters other than printable ones and newlines, markers of documents, and directives. */
const UNCOMMON = /[^\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\ufffd]|^(?:---|\.\.\.|%)/m;

/** Thrown where the text has another form. */
const OTHER_FORM = new Error("not in the common form");

const otherForm = (): never => {
  throw OTHER_FORM;
};

const MAX_DEPTH = 20;

const KEY = /([A-Za-z_][\w.-]{0,200}):(?= |\n|$)/y;
/** Everything after a value in its line. */
const REST = / *(?: #.*)?(?:\n|$)/y;
/** A scalar without quotes, up to the end of its line or a comment. */
const PLAIN = /(?:[\w/.$+=(<;^~\\\u00a1-\uffff]|-[^ \n])(?:[^ \n#:]|:(?=[^ \n])| +(?=[^ \n#])|(?<! )#)*/y;
/** The same within a flow collection. */
const FLOW_PLAIN = /-?[\w/.](?:[\w/.+@=%$-]| +(?=[\w/.+@=%$-]))*/y;
/** Of the escapes, only those that JSON has too. */
const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\["\\nt])*"/y;
const SINGLE_QUOTED = /'([^'\n]*)'(?!')/y;
const LITERAL = /\|(-?)\n/y;
const SPACES = / */y;

const INTEGER = /^-?[1-9][0-9]{0,14}$|^0$/;
/** What may be a number, and what stands for no value. */
const UNCLEAR = /^[-+]?\.?[0-9][0-9a-fA-FxoeE+_.-]*$|^[-+]?\.(?:inf|nan)$|^(?:~|null)$/i;
const NULL_KEY = /^null$/i;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);

class Reader {
  readonly #text: string;
  #at: number;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#at = start;
  }

  read(): CommonDocument {
    const indent = this.#nextLine();
    if (indent === null) return otherForm();
    const root = this.#readBlock(indent, 1);
    return this.#at === this.#text.length ? { root, end: this.#text.length } : otherForm();
  }

  /** Goes to the first character of the next line that is not empty or a comment. Returns its indentation; null at the end. */
  #nextLine(): number | null {
    for (;;) {
      if (this.#at === this.#text.length) return null;
      const indent = this.#take(SPACES)?.[0].length ?? 0;
      const character = this.#text[this.#at];
      if (character !== "\n" && character !== "#" && character !== undefined) return indent;
      const end = this.#text.indexOf("\n", this.#at);
      this.#at = end === -1 ? this.#text.length : end + 1;
    }
  }

  /** Reads a map or a list whose first character is next, and goes back to the start of the line after it. */
  #readBlock(indent: number, depth: number): Node {
    if (depth > MAX_DEPTH) return otherForm();
    return this.#isItem() ? this.#readList(indent, depth) : this.#readMap(indent, depth);
  }

  #isItem(): boolean {
    return this.#text[this.#at] === "-" && this.#text[this.#at + 1] === " ";
  }

  #readMap(indent: number, depth: number): Node {
    const at = this.#at;
    const entries: Entry[] = [];
    do {
      const keyAt = this.#at;
      const key = this.#take(KEY)?.[1] ?? otherForm();
      if (NULL_KEY.test(key) || entries.some((entry) => entry.key === key)) return otherForm();
      entries.push({ key, keyAt, value: this.#readValue(indent, depth) });
    } while (this.#isAt(indent));
    return { kind: "map", at, entries };
  }

  #readList(indent: number, depth: number): Node {
    const at = this.#at;
    const items: Node[] = [];
    do {
      const dashAt = this.#at++;
      const inner = indent + this.#at - dashAt + (this.#take(SPACES)?.[0].length ?? 0);
      KEY.lastIndex = this.#at;
      items.push(KEY.test(this.#text) ? this.#readMap(inner, depth + 1) : this.#readInline(indent, depth + 1));
    } while (this.#isAt(indent, () => this.#isItem()));
    return { kind: "list", at, items };
  }

  /**
   * Goes to the next line if it has this indentation and `isNext` accepts it. A line that is indented more belongs to nothing, as
   * the continued text of a scalar does.
   */
  #isAt(indent: number, isNext: () => boolean = () => true): boolean {
    const start = this.#at;
    const found = this.#nextLine();
    if (found !== null && found > indent) return otherForm();
    if (found === indent && isNext()) return true;
    if (found !== null) this.#at = start;
    return false;
  }

  /** Reads the value of a key of a map with this indentation. */
  #readValue(indent: number, depth: number): Node {
    if (this.#take(REST) === null) {
      this.#take(SPACES);
      return this.#readInline(indent, depth + 1);
    }
    const inner = this.#nextLine();
    if (inner === null || inner < indent || (inner === indent && !this.#isItem())) return otherForm();
    return this.#readBlock(inner, depth + 1);
  }

  /** Reads a value that starts in the line of its key or dash, and goes to the start of the line after it. */
  #readInline(indent: number, depth: number): Node {
    const header = this.#take(LITERAL);
    if (header !== null) return this.#readLiteral(indent, header);
    const value = this.#readQuoted() ?? this.#readFlow(depth) ?? this.#readPlain(PLAIN);
    if (this.#take(REST) === null) return otherForm();
    return value;
  }

  #readQuoted(): ScalarNode | null {
    const at = this.#at;
    const single = this.#take(SINGLE_QUOTED)?.[1];
    if (single !== undefined) return textNode(single, at, this.#at);
    const double = this.#take(DOUBLE_QUOTED)?.[0];
    if (double === undefined) return null;
    return textNode(double.includes("\\") ? String(JSON.parse(double)) : double.slice(1, -1), at, this.#at);
  }

  #readPlain(pattern: RegExp): ScalarNode {
    const at = this.#at;
    const source = this.#take(pattern)?.[0] ?? otherForm();
    const boolean = BOOLEANS.get(source);
    if (boolean !== undefined) return { kind: "scalar", at, end: this.#at, value: boolean, source };
    if (INTEGER.test(source)) return { kind: "scalar", at, end: this.#at, value: Number(source), source };
    return UNCLEAR.test(source) ? otherForm() : textNode(source, at, this.#at);
  }

  #readFlow(depth: number): Node | null {
    const open = this.#text[this.#at];
    if (open !== "[" && open !== "{") return null;
    if (depth > MAX_DEPTH) return otherForm();
    return open === "[" ? this.#readFlowList(depth) : this.#readFlowMap(depth);
  }

  #readFlowList(depth: number): Node {
    const at = this.#at;
    const items: Node[] = [];
    while (this.#isNext("]", items.length)) items.push(this.#readFlowValue(depth));
    return { kind: "list", at, items };
  }

  #readFlowMap(depth: number): Node {
    const at = this.#at;
    const entries: Entry[] = [];
    while (this.#isNext("}", entries.length)) {
      const keyAt = this.#at;
      const key = this.#take(KEY)?.[1] ?? otherForm();
      if (NULL_KEY.test(key) || entries.some((entry) => entry.key === key)) return otherForm();
      this.#take(SPACES);
      entries.push({ key, keyAt, value: this.#readFlowValue(depth) });
    }
    return { kind: "map", at, entries };
  }

  /** Goes to the next item of a flow collection; returns false after its end. */
  #isNext(close: "]" | "}", count: number): boolean {
    if (count === 0) this.#at++;
    this.#take(SPACES);
    const character = this.#text[this.#at];
    if (character === close) {
      this.#at++;
      return false;
    }
    if (count === 0) return true;
    if (character !== ",") return otherForm();
    this.#at++;
    this.#take(SPACES);
    return true;
  }

  #readFlowValue(depth: number): Node {
    return this.#readQuoted() ?? this.#readFlow(depth + 1) ?? this.#readPlain(FLOW_PLAIN);
  }

  /** Reads the lines of a literal text, whose header has been read. Lines of spaces only are left to the library. */
  #readLiteral(indent: number, header: RegExpExecArray): Node {
    const start = this.#at;
    let inner = 0;
    let end = start;
    const lines: string[] = [];
    let blank = 0;
    for (let line = start; line < this.#text.length; ) {
      const newline = this.#text.indexOf("\n", line);
      const next = newline === -1 ? this.#text.length : newline + 1;
      SPACES.lastIndex = line;
      const spaces = SPACES.exec(this.#text)?.[0].length ?? 0;
      const isBlank = line + spaces === (newline === -1 ? next : newline);
      if (isBlank && (spaces > 0 || inner === 0)) return otherForm();
      if (!isBlank) {
        if (inner === 0) inner = spaces;
        if (inner <= indent) return otherForm();
        if (spaces < inner) break;
        for (; blank > 0; blank--) lines.push("");
        lines.push(this.#text.slice(line + inner, newline === -1 ? next : newline));
        end = next;
      } else blank++;
      line = next;
    }
    if (lines.length === 0) return otherForm();
    this.#at = end;
    const value = lines.join("\n") + (header[1] === "-" ? "" : "\n");
    return { kind: "scalar", at: header.index, end, value, source: value };
  }

  /** Goes past the pattern if it is next. */
  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}

const textNode = (source: string, at: number, end: number): ScalarNode => ({
  kind: "scalar",
  at,
  end,
  value: source,
  source,
});
