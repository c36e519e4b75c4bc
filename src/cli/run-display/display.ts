import { type Clock, steadyClock } from "../../lib/clock.ts";
import { LiveRegion } from "../terminal/live-region.ts";
import { paint, type Screen, type Terminal } from "../terminal/terminal.ts";
import { fitMiddle, textWidth } from "../terminal/text-width.ts";
import { endedTaskLines, FEW_TASKS, progressLine, runFrame } from "./frame.ts";
import { LiveOutput } from "./live-output.ts";
import { endedLine } from "./outcome.ts";
import { endsLine, linesOf, type TaskOutput, writerName } from "./output-chunk.ts";
import { durationOf, type RunView, type TaskView } from "./view.ts";

/** Options of a `RunDisplay`. */
export type DisplayOptions = {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Writes all output to stderr, and nothing to stdout. */
  readonly quietStdout: boolean;
  /** Returns the current state of the run. The set of tasks never changes. */
  readonly view: () => RunView;
};

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const LINE_END = Buffer.from("\n");

/** Maximum number of output bytes that wait for the next frame. */
const MAX_PENDING_BYTES = 65_536;

/**
 * Shows a run live: its output, prefixed with the task's name if the run has several tasks. On a terminal, a list of tasks below
 * the output updates in place, or a progress line if the cursor can't be moved. Otherwise it writes plain lines.
 */
export class RunDisplay implements Disposable {
  readonly #options: DisplayOptions;
  readonly #region: LiveRegion | null;
  readonly #output = new LiveOutput();
  /** Width of the names before each line; 0 if the run has a single task without items. */
  #nameWidth: number;
  readonly #now: () => number;
  #frame = 0;
  #cancelTimer: () => void = () => {};
  /** Output that the next frame writes above the region. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Without a region: the width of the progress line on the screen. */
  #shownWidth = 0;
  /** Without a region: the writer and screen of a line that has not ended yet. */
  #openLine: { readonly key: string; readonly screen: Screen } | null = null;

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#now = steadyClock(options.clock, options.clock.now());
    const { tasks } = options.view();
    const { err } = options.terminal;
    this.#nameWidth = tasks.length < 2 ? 0 : Math.max(...tasks.map(({ id }) => id.length));
    // If stdout is a pipe, its reader may write to the same terminal and break the layout.
    const isAlone = options.terminal.out.isTerminal || options.quietStdout;
    this.#region = err.movesCursor && isAlone ? new LiveRegion(err) : null;
    if (err.isTerminal && isAlone) this.#tick();
  }

  /** Stops updating, and leaves the final list of tasks on the screen. */
  [Symbol.dispose](): void {
    this.#cancelTimer();
    if (this.#region !== null) this.#drawEnd(this.#region);
    this.#hideProgress();
    this.#endOpenLine();
  }

  /** Shows some output. */
  write(output: TaskOutput): void {
    const { terminal, quietStdout } = this.#options;
    const toOut = output.stream === "stdout" && !quietStdout;
    const screen = toOut ? terminal.out : terminal.err;
    // Output to a file or a pipe does not disturb the region.
    if (this.#region !== null && screen.isTerminal) {
      const key = `${writerName(output)} ${output.stream}`;
      this.#writeAbove(this.#output.lines(output.bytes, { key, prefix: this.#prefix(output, screen) }));
    } else this.#writePlain(output, screen);
  }

  /** Reports the end of a task in a line on stderr, unless the region shows it. */
  taskEnded(task: TaskView): void {
    if (this.#region !== null || this.#nameWidth === 0) return;
    // The end of each of many tasks would hide those that failed.
    if (task.status !== "failed" && this.#options.view().tasks.length > FEW_TASKS) return;
    this.note(endedLine({ ...task, durationMs: durationOf(task) }, this.#options.terminal.err));
  }

  /** Writes a message of petit itself to stderr. */
  note(text: string): void {
    if (this.#region !== null) {
      this.#writeAbove(Buffer.from(`${text}\n`));
      return;
    }
    this.#hideProgress();
    this.#endOpenLine();
    this.#options.terminal.err.write(`${text}\n`);
  }

  /** Returns the prefix of each line: the task's name if there are several tasks, at most a third of a terminal's width. */
  #prefix(output: TaskOutput, screen: Screen): string {
    if (this.#nameWidth === 0 && output.item === null) return "";
    const name = writerName(output);
    this.#nameWidth = Math.max(this.#nameWidth, name.length);
    const most = screen.isTerminal ? Math.max(4, Math.floor(screen.columns() / 3)) : this.#nameWidth;
    const width = Math.min(this.#nameWidth, most);
    const text = fitMiddle(name, width).padEnd(width);
    return `${paint(screen, output.stream === "stdout" ? "cyan" : "yellow", text)} │ `;
  }

  #prefixed(output: TaskOutput, screen: Screen, continuesLine: boolean): Uint8Array {
    const prefix = Buffer.from(this.#prefix(output, screen));
    if (prefix.length === 0) return output.bytes;
    return Buffer.concat(
      linesOf(output.bytes).flatMap((line, at) => (at === 0 && continuesLine ? [line] : [prefix, line])),
    );
  }

  #writeAbove(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    if (!endsLine(bytes)) this.#pending.push(LINE_END);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > MAX_PENDING_BYTES) this.#draw();
  }

  #writePlain(output: TaskOutput, screen: Screen): void {
    this.#hideProgress();
    const key = `${writerName(output)} ${output.stream}`;
    if (this.#nameWidth > 0 && this.#openLine !== null && this.#openLine.key !== key) this.#endOpenLine();
    screen.write(this.#prefixed(output, screen, this.#openLine !== null));
    this.#openLine = endsLine(output.bytes) ? null : { key, screen };
  }

  /** Ends an unfinished line, but adds nothing to raw output that another program reads. */
  #endOpenLine(): void {
    if (this.#openLine !== null && (this.#openLine.screen.isTerminal || this.#nameWidth > 0))
      this.#openLine.screen.write("\n");
    this.#openLine = null;
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
    const lines = tasks.length < 2 ? [] : endedTaskLines(tasks, { screen: terminal.err, now: this.#now() });
    region.draw(lines.length === 0 ? [] : [...lines, ""], this.#takePending());
  }

  #takePending(): Uint8Array {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  #showProgress(text: string): void {
    if (this.#openLine !== null) return;
    const { err } = this.#options.terminal;
    this.#hideProgress();
    err.write(paint(err, "dim", text));
    this.#shownWidth = textWidth(text);
  }

  /** Overwrites the progress line with spaces, which works on every terminal. */
  #hideProgress(): void {
    if (this.#shownWidth > 0) this.#options.terminal.err.write(`\r${" ".repeat(this.#shownWidth)}\r`);
    this.#shownWidth = 0;
  }
}
