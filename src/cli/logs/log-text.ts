import { removeEscapes } from "../../lib/text.ts";
import { type DecodedChunk, endsLine, linesOf, readChunk, writerName } from "../run-display/output-chunk.ts";
import { type LineHead, lineDecorator, timeHead } from "./decorate.ts";
import { markMatches } from "./grep.ts";
import { TerminalText } from "./terminal-text.ts";

type LogTextOptions = {
  readonly heads: readonly LineHead[];
  /** Whether a terminal shows it, so that control characters must be made visible. */
  readonly isSafe: boolean;
  /** Prints only lines that match; null for all. */
  readonly pattern: RegExp | null;
  readonly hasColor: boolean;
  /** The number of the last matching lines to print of those before `release`; null for all. */
  readonly last: number | null;
  /** True to print records as JSON: `show` gets these instead of chunks. */
  readonly json: boolean;
  readonly write: (text: string | Uint8Array) => void;
};

/** Prints the output of a run as a reader wants it: with heads, only matching lines, safe for a terminal. */
export class LogText {
  readonly #options: LogTextOptions;
  readonly #decorate: (chunk: DecodedChunk) => Uint8Array;
  readonly #terminal = new TerminalText();
  /** The start of a line whose end has not been read, by writer. */
  readonly #unfinished = new Map<string, { readonly chunk: DecodedChunk; readonly parts: Uint8Array[] }>();
  /** Matching lines that are not printed yet, because only the last ones are. */
  #held: (string | Uint8Array)[] | null;
  isEmpty = true;

  constructor(options: LogTextOptions) {
    this.#options = options;
    const { heads, last } = options;
    // Lines are kept apart if they name their tasks.
    this.#decorate = lineDecorator({ heads, endsLines: heads.some((head) => head !== timeHead) });
    this.#held = last === null ? null : [];
  }

  /** Shows the data of an event. */
  readonly show = (data: string): void => {
    const { json, pattern } = this.#options;
    if (!json) this.#showChunk(readChunk(data));
    else if (pattern === null || isMatch(String(JSON.parse(data).text), pattern)) this.#write(`${data}\n`);
  };

  /** Prints the lines that were held back. All lines from now on are printed at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const each of held) this.#write(each);
  }

  /** Prints what was held back, and lines without an end. */
  end(): void {
    for (const { chunk, parts } of this.#unfinished.values()) this.#showLine({ ...chunk, bytes: Buffer.concat(parts) });
    this.#unfinished.clear();
    this.release();
    const rest = this.#terminal.end();
    if (rest !== "") this.#write(rest);
  }

  #showChunk(chunk: DecodedChunk): void {
    if (this.#options.pattern === null) {
      this.#print(chunk, null);
      return;
    }
    const writer = `${writerName(chunk)} ${chunk.attempt} ${chunk.stream}`;
    for (const line of linesOf(chunk.bytes)) {
      const begun = this.#unfinished.get(writer) ?? { chunk, parts: [] };
      begun.parts.push(line);
      if (endsLine(line)) {
        this.#unfinished.delete(writer);
        this.#showLine({ ...begun.chunk, bytes: Buffer.concat(begun.parts) });
      } else this.#unfinished.set(writer, begun);
    }
  }

  #showLine(line: DecodedChunk): void {
    const { pattern } = this.#options;
    const text = Buffer.from(line.bytes)
      .toString()
      .replace(/\r?\n$/, "");
    if (pattern !== null && isMatch(text, pattern)) this.#print(line, pattern);
  }

  #print(chunk: DecodedChunk, pattern: RegExp | null): void {
    const { isSafe, hasColor } = this.#options;
    const shown = isSafe ? this.#terminal.show(chunk) : chunk;
    const bytes = pattern === null || !hasColor ? shown.bytes : markLine(shown.bytes, pattern);
    this.#write(this.#decorate({ ...shown, bytes }));
  }

  #write(text: string | Uint8Array): void {
    this.isEmpty = false;
    const { last, write } = this.#options;
    if (this.#held === null || last === null) {
      write(text);
      return;
    }
    this.#held.push(text);
    if (this.#held.length > last) this.#held.shift();
  }
}

/** Returns whether a line matches, without its colours and other escape sequences. */
const isMatch = (line: string, pattern: RegExp): boolean => removeEscapes(line).search(pattern) !== -1;

/** Marks the matches in a line, which may end with a line break. */
const markLine = (bytes: Uint8Array, pattern: RegExp): Uint8Array => {
  const text = Buffer.from(bytes).toString();
  const line = text.replace(/\n$/, "");
  return Buffer.from(`${markMatches(line, pattern)}${text.slice(line.length)}`);
};
