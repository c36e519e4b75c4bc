import type { LogLine } from "../book/line.ts";
import { type AnsiStyle, isPlain, joined, styleCommand } from "./style.ts";

/** How each stream goes on, as far as that isn't plain: what a line began to colour, the next goes on with. */
export type Styles = ReadonlyMap<string, AnsiStyle>;

/** A line, and how each stream goes on at it. */
export type ShownLine = LogLine & { readonly styles: Styles };

export const NO_STYLES: Styles = new Map();

/** What two streams of a run write is one beside the other: each keeps to itself. */
const streamOf = ({ task_id, attempt, stream }: LogLine): string => `${task_id} ${attempt} ${stream}`;

const styleAt = (styles: Styles, line: LogLine): AnsiStyle => styles.get(streamOf(line)) ?? "";

/** Its text with the look that its stream has at it. */
export const shownText = (line: ShownLine): string => `${styleCommand(styleAt(line.styles, line))}${line.text}`;

/** After a line; the same where it changes nothing. */
export const stylesAfter = (line: ShownLine): Styles => {
  const { styles } = line;
  if (line.leaves === "") return styles;
  const [stream, before] = [streamOf(line), styleAt(styles, line)];
  const style = joined(before, line.leaves);
  if (style === before || (before === "" && isPlain(style))) return styles;
  const next = new Map(styles);
  if (isPlain(style)) next.delete(stream);
  else next.set(stream, style);
  return next;
};

export const areSame = (one: Styles, other: Styles): boolean =>
  one === other || (one.size === other.size && [...one].every(([stream, style]) => other.get(stream) === style));
