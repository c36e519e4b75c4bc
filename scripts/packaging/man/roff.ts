import { wrap } from "../../../src/cli/terminal/columns.ts";

/** A page of the manual, and how its parts are written in the man macros (groff_man(7), mandoc's man(7)). */
export type Page = {
  readonly name: string;
  readonly section: 1 | 5;
  /** One line for apropos(1). */
  readonly summary: string;
  readonly parts: readonly Part[];
};

/** A section: sentences, then a table of two columns, then lines shown verbatim, then other pages. */
export type Part = {
  readonly title: string;
  readonly text?: string;
  readonly rows?: readonly (readonly [string, string])[];
  readonly lines?: readonly string[];
  readonly pages?: readonly string[];
};

export type Edition = { readonly version: string; readonly date: string };

/** Returns the source of a page. `date` is YYYY-MM-DD. */
export const roffOf = ({ name, section, summary, parts }: Page, { version, date }: Edition): string =>
  [
    `.TH ${name.toUpperCase().replaceAll("-", "\\-")} ${section} ${date} "petit ${version}"`,
    // Neither hyphenation nor justification: both make flags hard to read and to copy.
    ".nh",
    ".ad l",
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(summary)}`,
    ...parts.flatMap(partLines),
    "",
  ].join("\n");

const partLines = ({ title, text = "", rows = [], lines = [], pages = [] }: Part): readonly string[] => [
  `.SH ${escaped(title.toUpperCase())}`,
  ...(text === "" ? [] : [prose(text)]),
  ...rows.flatMap(([term, meaning]) => [".TP", `.B ${quoted(term.trim())}`, prose(meaning)]),
  ...(lines.length === 0 ? [] : [...(text === "" ? [] : [".PP"]), ".nf", ...lines.map(line), ".fi"]),
  ...(pages.length === 0 ? [] : [prose(pages.join(", "))]),
];

/** Returns sentences, in which `…` is bold. */
const prose = (text: string): string => {
  const words = text
    .split(/(`[^`]+`)/)
    .map((piece) => (/^`.+`$/.test(piece) ? `\\fB${escaped(piece.slice(1, -1))}\\fR` : escaped(piece)))
    .join("")
    .replaceAll(/\s+/g, " ");
  return wrap(words, MAX_LINE).map(protectedStart).join("\n");
};

const MAX_LINE = 78;

const line = (text: string): string => protectedStart(escaped(text));

/** The argument of a macro. */
const quoted = (text: string): string => `"${escaped(text).replaceAll('"', "\\(dq")}"`;

/** A dot or an apostrophe at the beginning of a line is a macro. */
const protectedStart = (text: string): string => (/^[.']/.test(text) ? `\\&${text}` : text);

/** Writes a text so that each character stays what it is: in roff, an unescaped hyphen or quote can become a typographic one. */
const escaped = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll(/[^\x20-\x7e]/gu, (character) => `\\[u${hexOf(character)}]`);

const hexOf = (character: string): string =>
  (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
