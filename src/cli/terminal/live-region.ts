import { stripVTControlCharacters } from "node:util";
import type { Screen } from "./terminal.ts";
import { textWidth } from "./text-width.ts";

const ESC = "\u001b";
/** Between these, terminals that know them show nothing of what is half done. */
const BEGIN = `${ESC}[?2026h`;
const END = `${ESC}[?2026l`;
const CLEAR_BELOW = `${ESC}[J`;

/** Lines at the end of a screen that are drawn anew in place, below what is written above them. */
export class LiveRegion {
  readonly #screen: Screen;
  /** How wide each line is that stands there. */
  #widths: readonly number[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Writes `above`, which ends with a newline or is empty, and the lines below it, in one piece. */
  draw(lines: readonly string[], above: Uint8Array | null = null): void {
    const parts = [`${BEGIN}${this.#toStart()}${CLEAR_BELOW}`, above ?? "", `${lines.join("\r\n")}${END}`];
    this.#screen.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    this.#widths = lines.map((line) => textWidth(stripVTControlCharacters(line)));
  }

  /** A terminal that became narrower has wrapped the lines that were drawn. */
  #toStart(): string {
    const columns = this.#screen.columns();
    const rows = this.#widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows > 1 ? `\r${ESC}[${rows - 1}A` : "\r";
  }
}
