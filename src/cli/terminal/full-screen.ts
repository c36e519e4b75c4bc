import type { Screen } from "./terminal.ts";

const ESC = "\u001b";
/** The alternate screen, without a cursor and without wrapping. */
const ENTER = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l`;
const LEAVE = `${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;
/** Between BEGIN and END, terminals that support synchronized output show no partial updates. */
const BEGIN = `${ESC}[?2026h${ESC}[H`;
const END = `${ESC}[J${ESC}[?2026l`;
/** Written before a line, because after a line of the full width it would erase its last character. */
const CLEAR_LINE = `${ESC}[2K`;

/** The whole terminal, whose former content returns when this is disposed. */
export class FullScreen implements Disposable {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
    screen.write(ENTER);
  }

  /** Replaces the content. `footer` is the last line; lines that don't fit above it are left out. */
  draw(lines: readonly string[], footer: string): void {
    const room = Math.max(0, this.#screen.rows() - 1);
    const shown = [...lines.slice(0, room), footer];
    this.#screen.write(`${BEGIN}${shown.map((line) => `${CLEAR_LINE}${line}`).join("\r\n")}${END}`);
  }

  [Symbol.dispose](): void {
    this.#screen.write(LEAVE);
  }
}
