import type { OutputStream } from "../task-run.ts";
import { isFrame, type OutputLine } from "./candidates.ts";
import { isCleanup, isMessage } from "./error-rank.ts";
import { normalise, plainLine } from "./plain-line.ts";

/** Lines that follow the start of a cleanup and may belong to it. */
const CLEANUP_LINES = 20;

type NewLine = {
  readonly line: OutputLine;
  readonly index: number;
  /** The lines before it belong to it. */
  readonly isWrapper: true;
};

/** Remembers the last lines that the last successful run did not print. Without such a run, there are none. */
export class NewLines {
  readonly #known: ReadonlySet<string>;
  readonly #messages = new Map<OutputStream, NewLine>();
  readonly #others = new Map<OutputStream, NewLine>();
  #cleanupUntil = -1;

  /** `known` has the lines of that run, as `normalise` returns them. */
  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  add(line: OutputLine, index: number): void {
    if (this.#known.size === 0) return;
    const text = plainLine(line.text);
    if (isCleanup(text)) this.#cleanupUntil = index + CLEANUP_LINES;
    if (!LETTERS.test(text) || this.#known.has(normalise(text))) return;
    const isTidying = index <= this.#cleanupUntil;
    const lines = isMessage(text) && !isFrame(text) && !isTidying ? this.#messages : this.#others;
    lines.set(line.stream, { line: { ...line, text }, index, isWrapper: true });
  }

  /** Returns the last message, on stderr if there is one; if there is no message, the last other line. */
  get last(): NewLine | null {
    for (const lines of [this.#messages, this.#others]) {
      const last = lines.get("stderr") ?? lines.get("stdout");
      if (last !== undefined) return last;
    }
    return null;
  }
}

const LETTERS = /\p{L}/u;
