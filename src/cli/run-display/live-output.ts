const ESC = "\u001b";
const RESET = `${ESC}[0m`;
/** What a terminal acts on: a colour or the like, a title, a move of the cursor; also one that is cut off. */
const SEQUENCE = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\u0007\n${ESC}]*(?:\u0007|${ESC}\\\\)?|[PX^_][^\n${ESC}]*(?:${ESC}\\\\)?|[ -/]*[0-~]?)`,
  "g",
);
const STYLE = new RegExp(`${ESC}\\[[0-9;:]*m`, "g");
const ENDS_STYLES = new RegExp(`^${ESC}\\[[0;]*m$`);
/** All but tab, backspace, the ends of lines and ESC. */
const CONTROLS = /[\0-\u0007\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]/g;

/** As many of a line's styles go on in the next one, at most. */
const MAX_CARRIED = 16;

/**
 * The output of tasks as it can stand above lines that are drawn in place: its colours end with the line and begin anew with
 * the next, and what would move the cursor, hide it or clear the screen is left out. Else bytes stay as they are.
 */
export class LiveOutput {
  /** The styles that are on at the end of the last line, by whose output it is. */
  readonly #styles = new Map<string, string>();

  /** Whole lines, each behind `prefix`; where a carriage return begins one anew, the prefix does so, too. */
  lines(bytes: Uint8Array, { key, prefix }: { readonly key: string; readonly prefix: string }): Uint8Array {
    // A character a byte, so that what is no UTF-8 comes out as it went in.
    const before = Buffer.from(prefix).toString("latin1");
    const lines = Buffer.from(bytes).toString("latin1").replace(/\n$/, "").split("\n");
    return Buffer.from(lines.map((line) => this.#line(line, key, before)).join(""), "latin1");
  }

  #line(line: string, key: string, prefix: string): string {
    const carried = this.#styles.get(key) ?? "";
    const tame = line.replace(SEQUENCE, (found) => found.match(STYLE)?.[0] ?? "").replace(CONTROLS, "");
    const styled = carried + tame;
    if (styled.includes(ESC)) this.#styles.set(key, stylesAtEnd(styled));
    const text = prefix === "" ? styled : styled.replace(/\r(?=[^\r])/g, `\r${prefix}${carried}`);
    return `${prefix}${text}${styled.includes(ESC) ? RESET : ""}\n`;
  }
}

const stylesAtEnd = (text: string): string => {
  const styles = text.match(STYLE) ?? [];
  const ended = styles.findLastIndex((style) => ENDS_STYLES.test(style));
  return styles
    .slice(ended + 1)
    .slice(-MAX_CARRIED)
    .join("");
};
