import type { DisplayLine } from "../book/line.ts";
import { type AnsiStyle, isPlain, joined, styleCommand } from "./style.ts";

/** How each stream goes on, as far as that isn't plain: what a line began to colour, the next goes on with. */
export type StreamStyles = ReadonlyMap<string, AnsiStyle>;

/** A line, and how each stream goes on at it. */
export type StyledLine = DisplayLine & { readonly styles: StreamStyles };

export const NO_STYLES: StreamStyles = new Map();

/** What two streams of a run write is one beside the other: each keeps to itself. */
const streamOf = ({ task_id, attempt, stream }: DisplayLine): string => `${task_id} ${attempt} ${stream}`;

const styleAt = (styles: StreamStyles, line: DisplayLine): AnsiStyle => styles.get(streamOf(line)) ?? "";

/** Its text with the look that its stream has at it. */
export const shownText = (line: StyledLine): string => `${styleCommand(styleAt(line.styles, line))}${line.text}`;

/** After a line; the same where it changes nothing. */
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

export const areSame = (one: StreamStyles, other: StreamStyles): boolean =>
  one === other || (one.size === other.size && [...one].every(([stream, style]) => other.get(stream) === style));
