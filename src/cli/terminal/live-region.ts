import { stripVTControlCharacters } from "node:util";
import type { Screen } from "./terminal.ts";
import { textWidth } from "./text-width.ts";

const ESC = "\u001b";
/** Between BEGIN and END, terminals that support synchronized output show no partial updates. */
const BEGIN = `${ESC}[?2026h`;
const END = `${ESC}[?2026l`;
const CLEAR_BELOW = `${ESC}[J`;

/** Lines at the bottom of a terminal that are redrawn in place, below the text that is written above them. */
export class LiveRegion {
  readonly #screen: Screen;
  /** The width of each line that is on the screen now. */
  #widths: readonly number[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Writes `above`, which is empty or ends with a newline, and the lines below it, in one write. */
  draw(lines: readonly string[], above: Uint8Array | null = null): void {
    const parts = [`${BEGIN}${this.#toStart()}${CLEAR_BELOW}`, above ?? "", `${lines.join("\r\n")}${END}`];
    this.#screen.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    this.#widths = lines.map((line) => textWidth(stripVTControlCharacters(line)));
  }

  /** Moves to the first line of the region. A terminal that became narrower has wrapped the drawn lines, so this counts rows, not lines. */
  #toStart(): string {
    const columns = this.#screen.columns();
    const rows = this.#widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows > 1 ? `\r${ESC}[${rows - 1}A` : "\r";
  }
}
