import type { Style } from "../../terminal/terminal.ts";
import { fitBoth, fitEnd, padTo, textWidth } from "../../terminal/text-width.ts";

/** A text with one style. It has no control characters. */
export type Segment = {
  readonly text: string;
  readonly style?: Style | undefined;
  /** Whether foreground and background are swapped. */
  readonly inverse?: boolean;
  /** Whether `…` replaces the middle if it is too long, because its end matters. */
  readonly keepsEnd?: boolean;
};

/** A line of the screen, or of a part of it. */
export type Line = readonly Segment[];

export const plain = (text: string): Segment => ({ text });
/** A text whose end matters, as that of an error does. */
export const explaining = (text: string, style?: Style): Segment => ({ text, style, keepsEnd: true });
export const styled = (style: Style | undefined, text: string): Segment => ({ text, style });

/** Shortens or pads a line to exactly `width` columns. `…` replaces an omitted end. */
export const fitLine = (line: Line, width: number): Line => {
  const fitted: Segment[] = [];
  let room = width;
  for (const segment of line) {
    const { text } = segment;
    const needed = textWidth(text);
    if (needed > room) {
      const shortened = (segment.keepsEnd === true ? fitBoth : fitEnd)(text, room);
      if (shortened !== "") fitted.push({ ...segment, text: shortened });
      room -= textWidth(shortened);
      break;
    }
    if (needed > 0) fitted.push(segment);
    room -= needed;
  }
  return room > 0 ? [...fitted, plain(" ".repeat(room))] : fitted;
};

/** Shortens or pads a text to exactly `width` columns. */
export const cell = (text: string, width: number): string => padTo(fitEnd(text, width), width);

/** Like `cell`, but with the text at the right. */
export const rightCell = (text: string, width: number): string => {
  const fitted = fitEnd(text, width);
  return " ".repeat(Math.max(0, width - textWidth(fitted))) + fitted;
};

/** Returns the text of a line without its styles. */
export const textOf = (line: Line): string => line.map(({ text }) => text).join("");

/** Returns a line such as `─ title ──────`. */
export const rule = (title: Line, width: number): Line => {
  const used = title.reduce((sum, { text }) => sum + textWidth(text), 0);
  return fitLine(
    [styled("dim", "─ "), ...title, styled("dim", ` ${"─".repeat(Math.max(0, width - used - 3))}`)],
    width,
  );
};
