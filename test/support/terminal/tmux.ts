import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanEnvironment } from "../cli.ts";

export type TmuxOptions = {
  readonly columns?: number;
  readonly rows?: number;
  /** The command of the shell. Default: `/bin/sh`. */
  readonly shell?: string;
  /** Variables in addition to those of a clean environment. */
  readonly env?: Readonly<Record<string, string>>;
};

/** How a terminal is used by the program in it. */
export type TerminalModes = {
  readonly alternateScreen: boolean;
  readonly cursor: boolean;
  readonly mouse: boolean;
};

const LIMIT_MS = 20_000;
const POLL_MS = 50;

/** A shell in a terminal of tmux, with a server of its own. Disposing ends both. */
export class Tmux implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), "petit-tmux-"));
  readonly #env: Readonly<Record<string, string>>;

  constructor({ columns = 80, rows = 24, shell = "/bin/sh", env = {} }: TmuxOptions = {}) {
    this.#env = { ...cleanEnvironment(this.#dir), TMUX_TMPDIR: this.#dir, LC_ALL: "C.UTF-8", PS1: "$ ", ...env };
    this.#tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), shell);
  }

  /** The folder of the terminal. Its programs have it as their home. */
  get dir(): string {
    return this.#dir;
  }

  /** Types a command line, and Enter. */
  run(command: string): void {
    this.#tmux("send-keys", "-l", command);
    this.press("Enter");
  }

  /** Presses keys, with tmux's names for special keys: `Enter`, `Escape`, `C-c`. */
  press(...keys: readonly string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** Types a text. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
  }

  /** Clicks with the left button. Column and row count from 1. */
  click(column: number, row: number): void {
    this.type(`\u001b[<0;${column};${row}M\u001b[<0;${column};${row}m`);
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Returns the lines of the screen. */
  screen({ styles = false }: { readonly styles?: boolean } = {}): string {
    return this.#tmux("capture-pane", "-p", ...(styles ? ["-e"] : []));
  }

  /** Waits until the screen contains a text. Returns the screen. */
  async until(text: string | RegExp): Promise<string> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const screen = this.screen();
      if (typeof text === "string" ? screen.includes(text) : text.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`the screen did not show ${text}:\n${screen}`);
      await sleep(POLL_MS);
    }
  }

  get modes(): TerminalModes {
    const [alternate, cursor, mouse] = this.#tmux(
      "display-message",
      "-p",
      "#{alternate_on} #{cursor_flag} #{mouse_any_flag}",
    )
      .trim()
      .split(" ");
    return { alternateScreen: alternate === "1", cursor: cursor === "1", mouse: mouse === "1" };
  }

  [Symbol.dispose](): void {
    spawnSync("tmux", ["kill-server"], { env: this.#env });
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #tmux(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("tmux", ["-u", "-f", "/dev/null", ...args], {
      cwd: this.#dir,
      env: this.#env,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`tmux ${args.join(" ")} failed: ${stderr}`);
    return stdout;
  }
}
