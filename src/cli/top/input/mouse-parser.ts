import type { MouseEvent } from "../state/message.ts";

/** Matches a report in the SGR format of xterm (`ESC [ < button ; column ; row M`), which `m` ends when a button is released. */
const REPORT = /\u001b\[<(\d+);(\d+);(\d+)([Mm])/g;
/** Matches the start of a report at the end of a chunk. */
const UNFINISHED = /\u001b(?:\[(?:<[\d;]*)?)?$/;

const LEFT = 0;
const WHEEL_UP = 64;
const WHEEL_DOWN = 65;
/** Bits of the button for Shift, Alt and Ctrl. */
const MODIFIERS = 4 + 8 + 16;

/** Reads the reports of the mouse from the input of the terminal. Everything else in it is ignored. */
export class MouseParser {
  #rest = "";

  /** Returns the events that a chunk completes. */
  read(chunk: string): readonly MouseEvent[] {
    const text = this.#rest + chunk;
    this.#rest = UNFINISHED.exec(text)?.[0] ?? "";
    return [...text.matchAll(REPORT)].flatMap(([, button, column, row, end]) => {
      const kind = end === "M" ? kindOf(Number(button) & ~MODIFIERS) : null;
      return kind === null ? [] : [{ kind, x: Number(column) - 1, y: Number(row) - 1 }];
    });
  }
}

const kindOf = (button: number): MouseEvent["kind"] | null => {
  if (button === LEFT) return "press";
  if (button === WHEEL_UP) return "wheel-up";
  return button === WHEEL_DOWN ? "wheel-down" : null;
};
