const ESC = "\u001b";
const RESET = `${ESC}[0m`;
/** Matches a terminal escape sequence, such as a style, a title or a cursor movement, even a truncated one. */
const SEQUENCE = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\u0007\n${ESC}]*(?:\u0007|${ESC}\\\\)?|[PX^_][^\n${ESC}]*(?:${ESC}\\\\)?|[ -/]*[0-~]?)`,
  "g",
);
const STYLE = new RegExp(`${ESC}\\[[0-9;:]*m`, "g");
const ENDS_STYLES = new RegExp(`^${ESC}\\[[0;]*m$`);
/** Matches control characters except tab, backspace, line ends and ESC. */
const CONTROLS = /[\0-\u0007\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]/g;

/** Maximum number of styles that carry over from a line to the next. */
const MAX_CARRIED = 16;

/**
 * Prepares the output of tasks for a terminal that has lines redrawn in place. Styles end with each line and start again on the
 * next. Sequences that move the cursor, hide it or clear the screen are removed. Other bytes stay unchanged.
 */
export class LiveOutput {
  /** The styles that are active at the end of the last line, by writer. */
  readonly #styles = new Map<string, string>();

  /** Returns complete lines, each with `prefix`, which is repeated after a carriage return. */
  lines(bytes: Uint8Array, { key, prefix }: { readonly key: string; readonly prefix: string }): Uint8Array {
    // One character per byte, so that invalid UTF-8 passes through unchanged.
    const before = Buffer.from(prefix).toString("latin1");
    const lines = Buffer.from(bytes).toString("latin1").replace(/\n$/, "").split("\n");
    return Buffer.from(lines.map((line) => this.#line(line, key, before)).join(""), "latin1");
  }

  #line(line: string, key: string, prefix: string): string {
    const carried = this.#styles.get(key) ?? "";
    const safe = line.replace(SEQUENCE, (sequence) => sequence.match(STYLE)?.[0] ?? "").replace(CONTROLS, "");
    const styled = carried + safe;
    if (styled.includes(ESC)) this.#styles.set(key, stylesAtEnd(styled));
    const text = prefix === "" ? styled : styled.replace(/\r(?=[^\r])/g, `\r${prefix}${carried}`);
    return `${prefix}${text}${styled.includes(ESC) ? RESET : ""}\n`;
  }
}

const stylesAtEnd = (text: string): string => {
  const styles = text.match(STYLE) ?? [];
  const reset = styles.findLastIndex((style) => ENDS_STYLES.test(style));
  return styles
    .slice(reset + 1)
    .slice(-MAX_CARRIED)
    .join("");
};
