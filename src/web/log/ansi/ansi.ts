import Anser from "anser";
import { withSemicolons } from "./style.ts";

/** A part of a line with one style. */
export type AnsiSegment = {
  readonly text: string;
  /** CSS classes such as `ansi-red-fg` and `ansi-bold`. */
  readonly classes: readonly string[];
  /** Colours that have no CSS class, as `rgb(…)`. */
  readonly color: string | null;
  readonly background: string | null;
};

/** Escape sequences that do not set a style: cursor, title, links. They have no visible text. */
const NON_STYLE_ESCAPES =
  /\x1b\][\s\S]*?(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b[PX^_][\s\S]*?(?:\x1b\\|$)|\x1b[ -/]*[0-Z\\^-~]/g;

/** Removes all escape sequences. */
export const withoutEscapes = (text: string): string => text.replace(NON_STYLE_ESCAPES, "").replace(STYLE_ESCAPES, "");

/** Escape sequences that set a style (SGR). */
const STYLE_ESCAPES = /\x1b\[([\d;:]*)m/g;

/** Control characters, and characters that change the direction of text: they would be invisible or affect other text. */
const INVISIBLE = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Splits a line into segments of one style. The text is not interpreted as HTML. */
export const segmentsOf = (line: string): readonly AnsiSegment[] => {
  const text = line.replace(NON_STYLE_ESCAPES, "");
  if (!text.includes("\x1b")) return [plain(visible(text))];
  const styled = text.replace(STYLE_ESCAPES, (_, codes: string) => `\x1b[${withSemicolons(codes)}m`);
  return Anser.ansiToJson(styled, { json: true, use_classes: true, remove_empty: true }).map(segmentOf);
};

const plain = (text: string): AnsiSegment => ({ text, classes: [], color: null, background: null });

const segmentOf = (entry: Anser.AnserJsonEntry): AnsiSegment => ({
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

/** Returns null for the 16 colours that have a CSS class. */
const colorOf = (name: string | null, truecolor: string | null): string | null => {
  if (name === "ansi-truecolor") return `rgb(${truecolor})`;
  const index = /^ansi-palette-(\d+)$/.exec(name ?? "")?.[1];
  return index === undefined ? null : paletteColor(Number(index));
};

/** Returns a colour of the 256-colour palette of xterm: a cube of 6 × 6 × 6 from 16 on, then 24 greys. */
const paletteColor = (index: number): string => {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (step: number): number => (step === 0 ? 0 : 55 + step * 40);
  const [red, green, blue] = [36, 6, 1].map((unit) => level(Math.floor((index - 16) / unit) % 6));
  return `rgb(${red} ${green} ${blue})`;
};

/** Replaces invisible characters by visible symbols. */
const visible = (text: string): string => text.replace(INVISIBLE, symbolOf).replaceAll("\x1b", "\u241b");

const symbolOf = (character: string): string => {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
};
