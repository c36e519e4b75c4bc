/** The name of a field, or null for an item of a list. */
export type PathStep = string | null;

/** A map of a YAML text. */
type Mapping = {
  readonly path: readonly PathStep[];
  /** The text of each value that is on the line of its name; empty for others. */
  readonly values: ReadonlyMap<string, string>;
};

/** Where something is typed. */
export type Place = {
  /** `content`: the name of a field, or a value, can begin here. `value`: only a value can, after the name of its field. */
  readonly kind: "content" | "value";
  /** The path of the map whose field can begin here, or of the value. */
  readonly path: readonly PathStep[];
  /** The map at `path`, or, for a value, the one with its field. */
  readonly mapping: Mapping;
  /** Offset at which what is typed begins. */
  readonly from: number;
  /** The column of it, from 0. */
  readonly column: number;
  /** True within braces or brackets. */
  readonly isFlow: boolean;
};

/** The name of a field in the text. */
export type FieldName = { readonly from: number; readonly to: number; readonly path: readonly PathStep[] };

/**
 * Returns where an offset is in a YAML text; null within a comment or a text block. It reads texts that are not complete, as they are while
 * somebody types, which parsers of YAML refuse.
 */
export const placeAt = (text: string, offset: number): Place | null => {
  const { start, end } = documentAt(text, offset);
  const { place } = new YamlReader(text.slice(start, end), offset - start).read();
  return place === null ? null : { ...place, from: place.from + start };
};

/** Returns the name of a field at an offset of a YAML text, or null if there is none. */
export const fieldNameAt = (text: string, offset: number): FieldName | null => {
  const { start, end } = documentAt(text, offset);
  const { names } = new YamlReader(text.slice(start, end), -1).read();
  const name = names.find(({ from, to }) => from <= offset - start && offset - start <= to);
  return name === undefined ? null : { ...name, from: name.from + start, to: name.to + start };
};

/** Returns where the document of an offset begins and ends, because a file may have hundreds of them. */
const documentAt = (text: string, offset: number): { readonly start: number; readonly end: number } => {
  const start = offset === 0 ? 0 : text.lastIndexOf("\n---", offset - 1) + 1;
  const next = text.indexOf("\n---", offset);
  return { start, end: next === -1 ? text.length : next };
};

type OpenMapping = { readonly path: readonly PathStep[]; readonly values: Map<string, string> };

/** A field or an item of a list whose value may go on in the next lines. */
type Frame = { readonly column: number; readonly step: PathStep; mapping: OpenMapping | null };

/** An open brace or bracket. */
type Bracket = {
  readonly kind: "{" | "[";
  readonly mapping: OpenMapping;
  /** The field whose value follows; null before its colon. */
  field: string | null;
  /** Offset after the last brace, bracket, comma or colon. */
  partFrom: number;
};

/** Braces and brackets within each other that are read. petit reads no deeper ones either. */
const MAX_BRACKETS = 100;

/** The name of a field and its colon: quoted, or plain. */
const FIELD = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#[\]{},&*!|>%@`](?:[^:#]|:(?!\s|$)|(?<!\s)#)*?)\s*:(?=\s|$)/;

class YamlReader {
  readonly #text: string;
  readonly #cursor: number;
  readonly #names: FieldName[] = [];
  #place: Place | null = null;
  #root: OpenMapping = { path: [], values: new Map() };
  #frames: Frame[] = [];
  #brackets: Bracket[] = [];
  /** The column of the field whose text block is being read; null outside of one. */
  #blockColumn: number | null = null;

  constructor(text: string, cursor: number) {
    this.#text = text;
    this.#cursor = cursor;
  }

  read(): { readonly place: Place | null; readonly names: readonly FieldName[] } {
    let start = 0;
    for (const line of this.#text.split("\n")) {
      if (this.#brackets.length > MAX_BRACKETS) break;
      this.#readLine(line.replace(/\r$/, ""), start);
      start += line.length + 1;
    }
    return { place: this.#place, names: this.#names };
  }

  #readLine(line: string, start: number): void {
    const typed = this.#cursor - start;
    const hasCursor = typed >= 0 && typed <= line.length;
    if (this.#brackets.length > 0) {
      this.#readFlow(start, start + line.length);
      return;
    }
    if (this.#isInBlock(line, hasCursor ? typed : null)) return;
    if (/^(?:---|\.\.\.)(?:\s|$)/.test(line)) {
      this.#root = { path: [], values: new Map() };
      this.#frames = [];
      return;
    }
    if (hasCursor) this.#place = this.#blockPlace(line.slice(0, typed), start);
    if (/^\s*(?:#|$)/.test(line)) return;
    this.#readContent(line, start);
  }

  /** Returns whether a line belongs to a text block. On a blank line, the column of the cursor decides. */
  #isInBlock(line: string, typed: number | null): boolean {
    if (this.#blockColumn === null) return false;
    const isBlank = line.trim() === "";
    const column = isBlank ? (typed ?? Number.POSITIVE_INFINITY) : columnOf(line);
    if (column > this.#blockColumn) return true;
    if (!isBlank) this.#blockColumn = null;
    return false;
  }

  #readContent(line: string, start: number): void {
    const { frames, column, rest } = enter(this.#frames, line);
    this.#frames = frames;
    const field = FIELD.exec(rest);
    if (field === null) {
      if (/^[|>]/.test(rest)) this.#blockColumn = frames.at(-1)?.column ?? -1;
      else if (/^[{[]/.test(rest)) this.#readFlow(start + column, start + line.length);
      return;
    }
    const name = unquoted(field[1] ?? "");
    const mapping = this.#mappingOf(frames);
    this.#addName(start + column, field[1] ?? "", [...mapping.path, name]);
    this.#frames = [...frames, { column, step: name, mapping: null }];
    const after = rest.slice(field[0].length);
    const value = after.trimStart();
    mapping.values.set(name, scalarOf(value));
    if (/^[|>]/.test(value)) this.#blockColumn = column;
    else if (/^[{[]/.test(value)) this.#readFlow(start + line.length - value.length, start + line.length);
  }

  #blockPlace(before: string, start: number): Place | null {
    if (/(?:^|\s)#/.test(before)) return null;
    const { frames, column, rest } = enter(this.#frames, before);
    const field = FIELD.exec(rest);
    const typed = { isFlow: false, from: start + column, column };
    if (field === null) {
      if (/^[{[|>]/.test(rest)) return null;
      const mapping = this.#mappingOf(frames);
      return { kind: "content", path: mapping.path, mapping, ...typed };
    }
    const value = rest.slice(field[0].length);
    // Within braces, `#readFlow` finds the place.
    if (value === "" || /^\s*[{[|>]/.test(value)) return null;
    const mapping = this.#mappingOf(frames);
    const from = before.length - value.trimStart().length;
    const path = [...mapping.path, unquoted(field[1] ?? "")];
    return { kind: "value", path, mapping, isFlow: false, from: start + from, column: from };
  }

  /** Reads within braces and brackets, up to the end of the line or of the outermost of them. */
  #readFlow(start: number, end: number): void {
    for (let at = start; at < end; at++) {
      if (at === this.#cursor && this.#brackets.length > 0) this.#place = this.#flowPlace();
      const char = this.#text[at] ?? "";
      if (char === '"' || char === "'") {
        const close = this.#text.indexOf(char, at + 1);
        const last = close === -1 || close >= end ? end - 1 : close;
        if (this.#cursor > at && this.#cursor <= last) this.#place = this.#flowPlace();
        at = last;
      } else if (char === "#" && /\s/.test(this.#text[at - 1] ?? " ")) {
        return;
      } else this.#readFlowChar(char, at);
      if (this.#brackets.length === 0) return;
    }
    if (this.#cursor === end) this.#place = this.#flowPlace();
  }

  #readFlowChar(char: string, at: number): void {
    const top = this.#brackets.at(-1);
    if (char === "{" || char === "[") {
      this.#brackets.push({
        kind: char,
        mapping: { path: this.#valuePath(), values: new Map() },
        field: null,
        partFrom: at + 1,
      });
    } else if (char === "}" || char === "]") {
      this.#endPart(at);
      this.#brackets.pop();
    } else if (char === "," && top !== undefined) {
      this.#endPart(at);
      top.field = null;
      top.partFrom = at + 1;
    } else if (char === ":" && top?.kind === "{" && top.field === null) {
      const written = this.#text.slice(top.partFrom, at);
      if (!/[\s,}]|^$/.test(this.#text[at + 1] ?? "") && !/["']$/.test(written)) return;
      const name = unquoted(written.trim());
      this.#addName(at - written.trimStart().length, written.trim(), [...top.mapping.path, name]);
      top.mapping.values.set(name, "");
      top.field = name;
      top.partFrom = at + 1;
    }
  }

  #endPart(at: number): void {
    const top = this.#brackets.at(-1);
    if (top?.kind !== "{" || top.field === null) return;
    top.mapping.values.set(top.field, scalarOf(this.#text.slice(top.partFrom, at).trim()));
  }

  /** The path of the value that begins here. */
  #valuePath(): readonly PathStep[] {
    const top = this.#brackets.at(-1);
    if (top === undefined) return this.#frames.map(({ step }) => step);
    return [...top.mapping.path, top.kind === "[" ? null : (top.field ?? "")];
  }

  #flowPlace(): Place | null {
    const top = this.#brackets.at(-1);
    if (top === undefined) return this.#place;
    const part = this.#text.slice(top.partFrom, this.#cursor);
    const from = this.#cursor - part.trimStart().length;
    const typed = { isFlow: true, from, column: from - (this.#text.lastIndexOf("\n", from - 1) + 1) };
    const isName = top.kind === "{" && top.field === null;
    return {
      kind: isName ? "content" : "value",
      path: isName ? top.mapping.path : this.#valuePath(),
      mapping: top.mapping,
      ...typed,
    };
  }

  #mappingOf(frames: readonly Frame[]): OpenMapping {
    const last = frames.at(-1);
    if (last === undefined) return this.#root;
    last.mapping ??= { path: frames.map(({ step }) => step), values: new Map() };
    return last.mapping;
  }

  #addName(from: number, written: string, path: readonly PathStep[]): void {
    this.#names.push({ from, to: from + written.length, path });
  }
}

const columnOf = (line: string): number => line.length - line.trimStart().length;

/** Returns the fields and items that a line belongs to, with those that its dashes begin, and what follows the dashes. */
const enter = (open: readonly Frame[], line: string) => {
  let column = columnOf(line);
  let rest = line.slice(column);
  let frames = [...open];
  const leave = (isLeft: (frame: Frame) => boolean): void => {
    while (frames.length > 0 && isLeft(frames.at(-1) as Frame)) frames.pop();
  };
  for (;;) {
    const [dash] = /^-(?:\s+|$)/.exec(rest) ?? [];
    const at = column;
    // The dashes of a list may be as far to the left as the field that has the list.
    leave(({ column: each, step }) => each > at || (each === at && (dash === undefined || step === null)));
    if (dash === undefined) return { frames, column, rest };
    frames = [...frames, { column, step: null, mapping: null }];
    column += dash.length;
    rest = rest.slice(dash.length);
  }
};

const unquoted = (text: string): string => /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text;

/** Returns the text of a value without quotes and comment; empty for a map, a list or a text block. */
const scalarOf = (value: string): string =>
  /^[{[|>&*!#]/.test(value) ? "" : unquoted(value.replace(/\s+#.*$/, "").trim());
