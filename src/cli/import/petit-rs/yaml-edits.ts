import type { Entry, MapNode, Node, ScalarNode } from "../../../jobfile/parse/node.ts";

/** Replaces the text between two offsets. */
type Edit = { readonly from: number; readonly to: number; readonly text: string };

/** The changed text, and the offset in the original for an offset in it. */
export type EditedText = { readonly text: string; readonly originalOffset: (offset: number) => number };

/** Collects changes to a YAML text. What is not changed stays as it is written, comments included. */
export class YamlEdits {
  readonly #text: string;
  readonly #edits = new Map<string, Edit>();
  /** The entries to remove; null if without a comment. */
  readonly #removals = new Map<MapNode, Map<Entry, string | null>>();

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns a scalar as it is written, without the line break after a block. */
  sourceOf(node: ScalarNode): string {
    return this.#text.slice(node.at, this.#endOfScalar(node.end));
  }

  /** Replaces the value of a scalar. */
  setScalar(node: ScalarNode, value: string): void {
    this.#add(node.at, this.#endOfScalar(node.end), value);
  }

  /** Replaces the value of an entry that is a scalar or an alias, or adds it if it is empty. */
  setValue(entry: Entry, value: string): void {
    const { from, to } = this.#spanOfValue(entry);
    this.#add(from, to, from === to ? ` ${value}` : value);
  }

  /** Replaces an entry with a scalar by other entries, each as lines below its key; in a flow map on one line. */
  replaceEntry(
    map: MapNode,
    { keyAt, value }: { readonly keyAt: number; readonly value: ScalarNode },
    lines: readonly string[],
  ): void {
    const separator = this.isFlow(map) ? ", " : `\n${this.#indentOf(keyAt)}`;
    this.#add(keyAt, this.#endOfScalar(value.end), lines.join(separator));
  }

  /** Adds an entry after another one. */
  addAfter(map: MapNode, entry: Entry, text: string): void {
    if (this.isFlow(map)) {
      const end = this.#endInFlow(entry.keyAt);
      this.#add(end, end, `, ${text}`);
    } else {
      const end = this.#endInBlock(entry.keyAt);
      this.#add(end, end, `\n${this.#indentOf(entry.keyAt)}${text}`);
    }
  }

  /** Adds an entry, with its own line in a block, before another one. */
  addBefore(map: MapNode, entry: Entry, text: string): void {
    const separator = this.isFlow(map) ? ", " : `\n${this.#indentOf(entry.keyAt)}`;
    this.#add(entry.keyAt, entry.keyAt, `${text}${separator}`);
  }

  /** Adds an entry as the first one of a map. */
  addFirst(map: MapNode, text: string): void {
    const [first] = map.entries;
    if (!this.isFlow(map) && first !== undefined) this.addBefore(map, first, text);
    else this.#add(map.at + 1, map.at + 1, first === undefined ? text : `${text}, `);
  }

  /** Turns an entry into a comment, with a line that says why; removes it where a comment is not possible. */
  remove(map: MapNode, entry: Entry, why: string): void {
    this.#removalsIn(map).set(entry, why);
  }

  /** Removes an entry. */
  drop(map: MapNode, entry: Entry): void {
    this.#removalsIn(map).set(entry, null);
  }

  isFlow(node: Node): boolean {
    return this.#text[node.at] === "{";
  }

  /** Applies all changes. */
  apply(): EditedText {
    for (const [map, removals] of this.#removals) this.#removeEntries(map, removals);
    const edits = [...this.#edits.values()].sort((a, b) => a.from - b.from || a.to - b.to);
    let text = "";
    let copied = 0;
    /** The places in the new text where a piece of the original begins. */
    const pieces: { readonly at: number; readonly original: number }[] = [{ at: 0, original: 0 }];
    for (const edit of edits) {
      if (edit.from < copied) continue;
      text += this.#text.slice(copied, edit.from) + edit.text;
      copied = edit.to;
      pieces.push({ at: text.length, original: copied });
    }
    text += this.#text.slice(copied);
    const originalOffset = (offset: number): number => {
      const piece = pieces.findLast(({ at }) => at <= offset);
      return piece === undefined ? 0 : piece.original + offset - piece.at;
    };
    return { text, originalOffset };
  }

  /** Equal changes, as of a value that several aliases refer to, are made once. */
  #add(from: number, to: number, text: string): void {
    this.#edits.set(`${from} ${to} ${text}`, { from, to, text });
  }

  #spanOfValue({ keyAt, value }: Entry): { readonly from: number; readonly to: number } {
    if (value.kind === "scalar" && value.at === value.end) {
      const end = this.#trimEnd(keyAt, value.at);
      return { from: end, to: end };
    }
    if (value.at >= keyAt && value.kind === "scalar") return { from: value.at, to: this.#endOfScalar(value.end) };
    const alias = /\*[^\s,[\]{}]+/g;
    alias.lastIndex = keyAt;
    const from = alias.exec(this.#text)?.index ?? keyAt;
    return { from, to: alias.lastIndex };
  }

  /** A block scalar ends with the line break after it, which is kept. */
  #endOfScalar(end: number): number {
    let last = end;
    while (this.#text[last - 1] === "\n" || this.#text[last - 1] === "\r") last -= 1;
    return last;
  }

  #lineStart(offset: number): number {
    return this.#text.lastIndexOf("\n", offset - 1) + 1;
  }

  #lineEnd(offset: number): number {
    const end = this.#text.indexOf("\n", offset);
    return end === -1 ? this.#text.length : end;
  }

  /** Returns spaces up to the column of an offset; a key after `- ` is indented like the keys below it. */
  #indentOf(offset: number): string {
    return " ".repeat(offset - this.#lineStart(offset));
  }

  /** Returns the end of the last line of an entry in a block. */
  #endInBlock(keyAt: number): number {
    const column = keyAt - this.#lineStart(keyAt);
    let end = this.#lineEnd(keyAt);
    for (let next = end; next < this.#text.length; ) {
      const start = next + 1;
      next = this.#lineEnd(start);
      const line = this.#text.slice(start, next);
      const content = line.trimStart();
      const indent = line.length - content.length;
      const isItem = indent === column && /^-(\s|$)/.test(content);
      if (content === "" || (content.startsWith("#") && indent <= column)) continue;
      if (indent <= column && !isItem) break;
      end = next;
    }
    return end;
  }

  #commentOut(keyAt: number, why: string): void {
    const indent = this.#indentOf(keyAt);
    const end = this.#endInBlock(keyAt);
    this.#add(this.#lineStart(keyAt), this.#lineStart(keyAt), `${indent}# ${why}\n`);
    for (let start = this.#lineStart(keyAt); start < end; start = this.#lineEnd(start) + 1) {
      const at = start + indent.length;
      const line = this.#text.slice(start, this.#lineEnd(start));
      if (line.trim() !== "" && !line.trimStart().startsWith("#")) this.#add(at, at, "# ");
    }
  }

  #removalsIn(map: MapNode): Map<Entry, string | null> {
    const removals = this.#removals.get(map) ?? new Map<Entry, string | null>();
    this.#removals.set(map, removals);
    return removals;
  }

  /** Removes entries. Those at the start of a flow map, or of an item in a list, go up to the first entry that stays. */
  #removeEntries(map: MapNode, removals: ReadonlyMap<Entry, string | null>): void {
    const [first] = map.entries;
    const firstKept = map.entries.find((entry) => !removals.has(entry));
    const isLeading = (entry: Entry): boolean => firstKept !== undefined && entry.keyAt < firstKept.keyAt;
    const cutsLeading = first !== undefined && (this.isFlow(map) || !this.#isAtLineStart(first.keyAt));
    if (cutsLeading && isLeading(first) && firstKept !== undefined) this.#add(first.keyAt, firstKept.keyAt, "");
    map.entries.forEach((entry, index) => {
      const why = removals.get(entry);
      if (why === undefined || (cutsLeading && isLeading(entry))) return;
      if (this.isFlow(map)) this.#cutFromFlow(entry, map.entries[index - 1]);
      else if (why === null) this.#add(this.#lineStart(entry.keyAt), this.#endInBlock(entry.keyAt) + 1, "");
      else this.#commentOut(entry.keyAt, why);
    });
  }

  #isAtLineStart(offset: number): boolean {
    return this.#text.slice(this.#lineStart(offset), offset).trim() === "";
  }

  /** Removes an entry, and the comma before it. */
  #cutFromFlow(entry: Entry, previous: Entry | undefined): void {
    const from = previous === undefined ? entry.keyAt : this.#endInFlow(previous.keyAt);
    this.#add(from, this.#endInFlow(entry.keyAt), "");
  }

  /** Returns the end of an entry in a flow map, without white space and a comment after it. */
  #endInFlow(keyAt: number): number {
    const token = /(?<=[\s,[{:])(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^']|'')*'|#[^\n]*)|[[\]{},]/g;
    token.lastIndex = keyAt;
    let [end, read, depth] = [keyAt, keyAt, 0];
    for (let match = token.exec(this.#text); match !== null; match = token.exec(this.#text)) {
      const [text] = match;
      if (this.#text.slice(read, match.index).trim() !== "") end = this.#trimEnd(read, match.index);
      read = token.lastIndex;
      if (text.startsWith("#")) continue;
      if (depth === 0 && (text === "," || text === "}")) break;
      end = read;
      if (text === "[" || text === "{") depth += 1;
      if (text === "]" || text === "}") depth -= 1;
    }
    return end;
  }

  #trimEnd(from: number, to: number): number {
    return from + this.#text.slice(from, to).trimEnd().length;
  }
}
