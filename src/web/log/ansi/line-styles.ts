import type { DisplayLine } from "../book/line.ts";
import { type AnsiStyle, isPlain, joined, styleEscape } from "./style.ts";

/** The current style of each stream, unless it is plain: a style lasts until a later line resets it. */
export type StreamStyles = ReadonlyMap<string, AnsiStyle>;

/** A line, and the styles of the streams before it. */
export type StyledLine = DisplayLine & { readonly styles: StreamStyles };

export const NO_STYLES: StreamStyles = new Map();

/** Each stream has its own style, because streams are interleaved. */
const streamOf = ({ task_id, attempt, stream }: DisplayLine): string => `${task_id} ${attempt} ${stream}`;

const styleAt = (styles: StreamStyles, line: DisplayLine): AnsiStyle => styles.get(streamOf(line)) ?? "";

/** Returns the text of a line with the style of its stream. */
export const styledText = (line: StyledLine): string => `${styleEscape(styleAt(line.styles, line))}${line.text}`;

/** Returns the styles after a line: the same object if nothing changes. */
export const stylesAfter = (line: StyledLine): StreamStyles => {
  const { styles } = line;
  if (line.styleChange === "") return styles;
  const [stream, before] = [streamOf(line), styleAt(styles, line)];
  const style = joined(before, line.styleChange);
  if (style === before || (before === "" && isPlain(style))) return styles;
  const next = new Map(styles);
  if (isPlain(style)) next.delete(stream);
  else next.set(stream, style);
  return next;
};

/** Returns true if both have the same styles. */
export const areEqual = (one: StreamStyles, other: StreamStyles): boolean =>
  one === other || (one.size === other.size && [...one].every(([stream, style]) => other.get(stream) === style));
