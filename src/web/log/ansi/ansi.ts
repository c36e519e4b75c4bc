import Anser from "anser";
import { withSemicolons } from "./style.ts";

/** A piece of a line that is of one look. */
export type Segment = {
  readonly text: string;
  /** Names of classes, for what the stylesheet knows: `ansi-red-fg`, `ansi-bold`. */
  readonly classes: readonly string[];
  /** Colours of a program's own, as `rgb(…)`. */
  readonly color: string | null;
  readonly background: string | null;
};

/** Commands to a terminal that are not about colour: cursor, title, links. None has anything to show. */
const COMMANDS =
  /\x1b\][\s\S]*?(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b[PX^_][\s\S]*?(?:\x1b\\|$)|\x1b[ -/]*[0-Z\\^-~]/g;

/** Without any command to a terminal, colours included. */
export const withoutCommands = (text: string): string => text.replace(COMMANDS, "").replace(STYLES, "");

/** Commands about colour. */
const STYLES = /\x1b\[([\d;:]*)m/g;

/** What would act on what is around it, or not be seen: control characters, and marks that turn the direction of text. */
const INVISIBLE = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text as it is seen, in pieces. It stays text, whatever is in it. */
export const segmentsOf = (line: string): readonly Segment[] => {
  const text = line.replace(COMMANDS, "");
  if (!text.includes("\x1b")) return [plain(visible(text))];
  const styled = text.replace(STYLES, (_, codes: string) => `\x1b[${withSemicolons(codes)}m`);
  return Anser.ansiToJson(styled, { json: true, use_classes: true, remove_empty: true }).map(segmentOf);
};

const plain = (text: string): Segment => ({ text, classes: [], color: null, background: null });

const segmentOf = (entry: Anser.AnserJsonEntry): Segment => ({
  text: visible(entry.content),
  classes: [
    ...entry.decorations.map((name) => `ansi-${name}`),
    ...[entry.fg].filter(isNamed).map((name) => `${name}-fg`),
    ...[entry.bg].filter(isNamed).map((name) => `${name}-bg`),
  ],
  color: colorOf(entry.fg, entry.fg_truecolor),
  background: colorOf(entry.bg, entry.bg_truecolor),
});

const isNamed = (name: string | null): name is string => name !== null && !/^ansi-(palette-\d+|truecolor)$/.test(name);

/** Null for the sixteen that have a name. */
const colorOf = (name: string | null, truecolor: string | null): string | null => {
  if (name === "ansi-truecolor") return `rgb(${truecolor})`;
  const index = /^ansi-palette-(\d+)$/.exec(name ?? "")?.[1];
  return index === undefined ? null : paletteColor(Number(index));
};

/** Of xterm's 256 colours: a cube of 6 × 6 × 6 from 16 on, then 24 greys. */
const paletteColor = (index: number): string => {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (step: number): number => (step === 0 ? 0 : 55 + step * 40);
  const [red, green, blue] = [36, 6, 1].map((unit) => level(Math.floor((index - 16) / unit) % 6));
  return `rgb(${red} ${green} ${blue})`;
};

/** With a sign for each character that has none. */
const visible = (text: string): string => text.replace(INVISIBLE, signOf).replaceAll("\x1b", "\u241b");

const signOf = (character: string): string => {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
};
