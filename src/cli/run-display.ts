import type { Clock } from "../lib/clock.ts";
import { paint, type Screen, type Terminal } from "./terminal.ts";

/** A piece of what a task wrote. */
export type Piece = { readonly taskId: string; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

export type DisplayOptions = {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** The tasks whose names stand before their lines; none where a job has but one. */
  readonly named: readonly string[];
  /** Keeps stdout for something else: all output goes to stderr. */
  readonly quietStdout: boolean;
  /** What the line of progress says, asked for again and again. */
  readonly progress: () => string;
};

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const NEWLINE = 10;

/** A run as it goes: output as it comes, a line for each task that ended, and on a terminal a line of progress below. */
export class RunDisplay implements Disposable {
  readonly #options: DisplayOptions;
  readonly #nameWidth: number;
  #frame = 0;
  /** How wide the line of progress is that stands there. */
  #shownWidth = 0;
  #cancelTimer: () => void = () => {};
  /** Whose line has no end yet. */
  #open: { readonly key: string; readonly screen: Screen } | null = null;

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#nameWidth = Math.max(0, ...options.named.map((name) => name.length));
    if (options.terminal.err.isTerminal) this.#tick();
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#hideProgress();
    this.#endOpenLine();
  }

  write(piece: Piece): void {
    this.#hideProgress();
    const { terminal, quietStdout, named } = this.#options;
    const screen = piece.stream === "stdout" && !quietStdout ? terminal.out : terminal.err;
    if (named.length > 0) this.#writeNamed(piece, screen);
    else screen.write(piece.bytes);
    const key = `${piece.taskId} ${piece.stream}`;
    this.#open = piece.bytes.at(-1) === NEWLINE ? null : { key, screen };
  }

  /** A line of petit's own, on stderr. */
  note(text: string): void {
    this.#hideProgress();
    this.#endOpenLine();
    this.#options.terminal.err.write(`${text}\n`);
  }

  #writeNamed(piece: Piece, screen: Screen): void {
    if (this.#open !== null && this.#open.key !== `${piece.taskId} ${piece.stream}`) this.#endOpenLine();
    const name = paint(screen, piece.stream === "stdout" ? "cyan" : "yellow", piece.taskId.padEnd(this.#nameWidth));
    for (let from = 0; from < piece.bytes.length; ) {
      const end = piece.bytes.indexOf(NEWLINE, from);
      const to = end === -1 ? piece.bytes.length : end + 1;
      if (this.#open === null || from > 0) screen.write(`${name} │ `);
      screen.write(piece.bytes.subarray(from, to));
      from = to;
    }
  }

  /** Raw output stays as it is where a program reads it. */
  #endOpenLine(): void {
    if (this.#open !== null && (this.#open.screen.isTerminal || this.#nameWidth > 0)) this.#open.screen.write("\n");
    this.#open = null;
  }

  #tick(): void {
    this.#cancelTimer = this.#options.clock.setTimeout(() => {
      this.#showProgress();
      this.#tick();
    }, FRAME_MS);
  }

  #showProgress(): void {
    if (this.#open !== null) return;
    const { err } = this.#options.terminal;
    const text = `${FRAMES[this.#frame++ % FRAMES.length]} ${this.#options.progress()}`.slice(0, err.columns() - 1);
    this.#hideProgress();
    err.write(paint(err, "dim", text));
    this.#shownWidth = text.length;
  }

  /** With blanks, which every terminal knows. */
  #hideProgress(): void {
    if (this.#shownWidth > 0) this.#options.terminal.err.write(`\r${" ".repeat(this.#shownWidth)}\r`);
    this.#shownWidth = 0;
  }
}
