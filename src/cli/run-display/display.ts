import { type Clock, steadyClock } from "../../lib/clock.ts";
import { endsLine, linesOf } from "../terminal/lines.ts";
import { LiveRegion } from "../terminal/live-region.ts";
import { paint, type Screen, type Terminal } from "../terminal/terminal.ts";
import { fitMiddle, textWidth } from "../terminal/text-width.ts";
import { progressLine, runFrame, taskLines } from "./frame.ts";
import { LiveOutput } from "./live-output.ts";
import { endedLine } from "./outcome.ts";
import { type RunView, type TaskView, tookMs } from "./view.ts";

/** A piece of what a task wrote. */
export type Piece = { readonly taskId: string; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

export type DisplayOptions = {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Keeps stdout for something else, or for nothing: output, if any, goes to stderr. */
  readonly quietStdout: boolean;
  /** The run as it stands, asked for again and again; its tasks are always the same ones. */
  readonly view: () => RunView;
};

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const LINE_END = Buffer.from("\n");

/** Bytes of output that wait for the next frame, at most. */
const MAX_PENDING_BYTES = 65_536;

/**
 * A run as it goes: its output as it comes, with the task's name where there are several. On a terminal, its tasks stand
 * below and change in place; where the cursor can't be moved, a line of progress does. Elsewhere there are plain lines.
 */
export class RunDisplay implements Disposable {
  readonly #options: DisplayOptions;
  readonly #region: LiveRegion | null;
  readonly #output = new LiveOutput();
  readonly #nameWidth: number;
  readonly #now: () => number;
  #frame = 0;
  #cancelTimer: () => void = () => {};
  /** What stands above the region with the next frame. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Without a region: how wide the line of progress is that stands there. */
  #shownWidth = 0;
  /** Without a region: whose line has no end yet. */
  #open: { readonly key: string; readonly screen: Screen } | null = null;

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#now = steadyClock(options.clock, options.clock.now());
    const { tasks } = options.view();
    const { err } = options.terminal;
    this.#nameWidth = tasks.length < 2 ? 0 : Math.max(...tasks.map(({ id }) => id.length));
    // What a pipe's reader writes to the same terminal would come between.
    const isAlone = options.terminal.out.isTerminal || options.quietStdout;
    this.#region = err.movesCursor && isAlone ? new LiveRegion(err) : null;
    if (err.isTerminal && isAlone) this.#tick();
  }

  /** Leaves the tasks, as they are by now, where they stand. */
  [Symbol.dispose](): void {
    this.#cancelTimer();
    if (this.#region !== null) this.#drawEnd(this.#region);
    this.#hideProgress();
    this.#endOpenLine();
  }

  write(piece: Piece): void {
    const { terminal, quietStdout } = this.#options;
    const toOut = piece.stream === "stdout" && !quietStdout;
    const screen = toOut ? terminal.out : terminal.err;
    // What goes elsewhere is not in the way of the region.
    if (this.#region !== null && screen.isTerminal) {
      const key = `${piece.taskId} ${piece.stream}`;
      this.#writeAbove(this.#output.lines(piece.bytes, { key, prefix: this.#prefix(piece, screen) }));
    } else this.#writePlain(piece, screen);
  }

  /** A task has ended: where the region doesn't show it, a line on stderr does. */
  taskEnded(task: TaskView): void {
    if (this.#region !== null || this.#nameWidth === 0) return;
    this.note(endedLine({ ...task, durationMs: tookMs(task) }, this.#options.terminal.err));
  }

  /** A line of petit's own, on stderr. */
  note(text: string): void {
    if (this.#region !== null) {
      this.#writeAbove(Buffer.from(`${text}\n`));
      return;
    }
    this.#hideProgress();
    this.#endOpenLine();
    this.#options.terminal.err.write(`${text}\n`);
  }

  /** The task's name, which stands before each line where there are several tasks; on a terminal it leaves room for that. */
  #prefix({ taskId, stream }: Piece, screen: Screen): string {
    if (this.#nameWidth === 0) return "";
    const most = screen.isTerminal ? Math.max(4, Math.floor(screen.columns() / 3)) : this.#nameWidth;
    const width = Math.min(this.#nameWidth, most);
    const name = fitMiddle(taskId, width).padEnd(width);
    return `${paint(screen, stream === "stdout" ? "cyan" : "yellow", name)} │ `;
  }

  #named(piece: Piece, screen: Screen, goesOn: boolean): Uint8Array {
    const prefix = Buffer.from(this.#prefix(piece, screen));
    if (prefix.length === 0) return piece.bytes;
    return Buffer.concat(linesOf(piece.bytes).flatMap((line, at) => (at === 0 && goesOn ? [line] : [prefix, line])));
  }

  #writeAbove(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    if (!endsLine(bytes)) this.#pending.push(LINE_END);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > MAX_PENDING_BYTES) this.#draw();
  }

  #writePlain(piece: Piece, screen: Screen): void {
    this.#hideProgress();
    const key = `${piece.taskId} ${piece.stream}`;
    if (this.#nameWidth > 0 && this.#open !== null && this.#open.key !== key) this.#endOpenLine();
    screen.write(this.#named(piece, screen, this.#open !== null));
    this.#open = endsLine(piece.bytes) ? null : { key, screen };
  }

  /** Raw output stays as it is where a program reads it. */
  #endOpenLine(): void {
    if (this.#open !== null && (this.#open.screen.isTerminal || this.#nameWidth > 0)) this.#open.screen.write("\n");
    this.#open = null;
  }

  #tick(): void {
    this.#draw();
    this.#cancelTimer = this.#options.clock.setTimeout(() => {
      this.#frame++;
      this.#tick();
    }, FRAME_MS);
  }

  #draw(): void {
    const { view, terminal } = this.#options;
    const spinner = FRAMES[this.#frame % FRAMES.length] ?? "";
    if (this.#region === null)
      this.#showProgress(progressLine(view(), { screen: terminal.err, now: this.#now(), spinner }));
    else {
      const rows = Math.max(1, terminal.err.rows() - 2);
      this.#region.draw(
        runFrame(view(), { screen: terminal.err, now: this.#now(), spinner, rows }),
        this.#takePending(),
      );
    }
  }

  #drawEnd(region: LiveRegion): void {
    const { view, terminal } = this.#options;
    const { tasks } = view();
    const options = { screen: terminal.err, now: this.#now(), spinner: "●", rows: tasks.length };
    const lines = tasks.length < 2 ? [] : taskLines(tasks, options);
    region.draw(lines.length === 0 ? [] : [...lines, ""], this.#takePending());
  }

  #takePending(): Uint8Array {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  #showProgress(text: string): void {
    if (this.#open !== null) return;
    const { err } = this.#options.terminal;
    this.#hideProgress();
    err.write(paint(err, "dim", text));
    this.#shownWidth = textWidth(text);
  }

  /** With blanks, which every terminal knows. */
  #hideProgress(): void {
    if (this.#shownWidth > 0) this.#options.terminal.err.write(`\r${" ".repeat(this.#shownWidth)}\r`);
    this.#shownWidth = 0;
  }
}
