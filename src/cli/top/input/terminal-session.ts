import { writeSync } from "node:fs";
import type { Instance } from "ink";
import { onSignal, type Signal } from "../../../app/signals.ts";
import type { MouseEvent } from "../state/message.ts";
import { MouseParser } from "./mouse-parser.ts";

/** Reports presses and the wheel, in the SGR format. */
const MOUSE_ON = "\u001b[?1000h\u001b[?1006h";
const MOUSE_OFF = "\u001b[?1006l\u001b[?1000l";
/** Ends bracketed paste and styles, shows the cursor, and leaves the alternate screen. */
const LEAVE = "\u001b[?2004l\u001b[0m\u001b[?25h\u001b[?1049l";

export type TerminalWatcher = {
  readonly onMouse: (event: MouseEvent) => void;
  readonly onResize: (columns: number, rows: number) => void;
  /** Leaves the screen during the call. */
  readonly suspend: (during: () => Promise<void>) => Promise<void>;
};

/**
 * The dashboard's use of the terminal. It is restored however the dashboard ends: by a key, by a signal, or by an error that
 * nothing has caught. Only SIGKILL leaves it as it is.
 */
export class TerminalSession {
  readonly #ended = Promise.withResolvers<void>();
  #signal: Signal | null = null;
  #watcher: TerminalWatcher | null = null;

  /** Ends the dashboard. */
  quit(): void {
    this.#ended.resolve();
  }

  /**
   * Stops the process, as the shell expects of Ctrl-Z, with the terminal restored. Goes on when the shell continues it. Windows
   * has no such signal.
   */
  suspend(): void {
    if (process.platform === "win32") return;
    const stop = async (): Promise<void> => {
      process.stdout.write(MOUSE_OFF);
      const continued = new Promise<void>((resolve) => process.once("SIGCONT", () => resolve()));
      process.kill(process.pid, "SIGTSTP");
      await continued;
      process.stdout.write(MOUSE_ON);
      // The size can have changed meanwhile.
      this.#watcher?.onResize(process.stdout.columns, process.stdout.rows);
    };
    void this.#watcher?.suspend(stop);
  }

  /**
   * Shows the screen that `show` returns until it or the terminal ends, and restores the terminal. Then throws the error that
   * ended it, or ends the process by the signal that did. `work` runs meanwhile; an error of it ends the dashboard.
   */
  async run(show: () => Instance, work: () => Promise<void>): Promise<void> {
    const fail = (error: unknown): void => this.#ended.reject(error);
    const quit = (): void => this.quit();
    process.on("uncaughtException", fail);
    process.on("unhandledRejection", fail);
    // The last resort, if something exits without waiting.
    process.on("exit", restore);
    process.stdin.on("end", quit);
    const signals = onSignal((signal) => {
      this.#signal ??= signal;
      this.quit();
    });
    let screen: Instance | null = null;
    try {
      screen = show();
      process.stdout.write(MOUSE_ON);
      work().catch(fail);
      await Promise.race([this.#ended.promise, screen.waitUntilExit()]);
    } finally {
      screen?.unmount();
      await screen?.waitUntilExit().catch(() => {});
      restore();
      process.off("exit", restore);
      process.off("uncaughtException", fail);
      process.off("unhandledRejection", fail);
      process.stdin.off("end", quit);
      signals[Symbol.dispose]();
    }
    if (this.#signal !== null) await dieBy(this.#signal);
  }

  /** Reports the mouse and changes of the size. Returns a function that ends it. */
  watch(watcher: TerminalWatcher): () => void {
    const { onMouse, onResize } = watcher;
    this.#watcher = watcher;
    const { stdin, stdout } = process;
    const parser = new MouseParser();
    // Ink reads stdin, and ignores reports of the mouse. What it reads is emitted here as well.
    const read = (chunk: string | Buffer): void => {
      for (const event of parser.read(chunk.toString())) onMouse(event);
    };
    const resized = (): void => onResize(stdout.columns, stdout.rows);
    stdin.on("data", read);
    stdout.on("resize", resized);
    return () => {
      this.#watcher = null;
      stdin.off("data", read);
      stdout.off("resize", resized);
    };
  }
}

/** Restores the terminal with a direct write, which also works while the process exits. Does no harm if it is restored. */
const restore = (): void => {
  try {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    writeSync(process.stdout.fd, `${MOUSE_OFF}${LEAVE}`);
  } catch {
    // The terminal is gone.
  }
};

/** Ends the process by a signal whose default action it is, so that its parent sees what happened. */
const dieBy = async (signal: Signal): Promise<void> => {
  process.kill(process.pid, signal);
  await Promise.withResolvers<void>().promise;
};
