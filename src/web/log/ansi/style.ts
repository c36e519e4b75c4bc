/** Parts of `ESC [ … m` that last until others of their slot: `1;38;5;208`. Empty: as the theme has it. */
export type AnsiStyle = string;

/** What text leaves to what comes after it: the last of each slot, after a reset where there was one. */
export const styleIn = (text: string): AnsiStyle =>
  text.includes("\x1b")
    ? folded([...text.matchAll(/\x1b\[([\d;:]*)m/g)].flatMap(([, codes = ""]) => partsOf(codes)))
    : "";

/** One after the other. */
export const joined = (first: AnsiStyle, then: AnsiStyle): AnsiStyle => {
  if (first === "" || then === "") return first + then;
  return folded(partsOf(`${first};${then}`));
};

/** As a command, to stand before text. */
export const styleCommand = (style: AnsiStyle): string => (style === "" ? "" : `\x1b[${style}m`);

/** Whether text would look as without it. */
export const isPlain = (style: AnsiStyle): boolean => partsOf(style).every((part) => /^(?:0|2[2-9]|39|49)$/.test(part));

/** With semicolons alone: `4:3` is an underline that waves, `38:2::1:2:3` a colour. */
export const withSemicolons = (codes: string): string =>
  codes
    .split(";")
    .map((part) =>
      part
        .replace(/^([34]8):2:(?:\d*:)?(\d+):(\d+):(\d+).*/, "$1;2;$2;$3;$4")
        .replace(/^([34]8):5:(\d+).*/, "$1;5;$2")
        .replace(/:.*/, ""),
    )
    .join(";");

/** A colour of 256 or of all is one part: `38;5;208`. */
const partsOf = (codes: string): readonly string[] =>
  withSemicolons(codes)
    .match(/[34]8;5;\d+|[34]8;2;\d+;\d+;\d+|\d+|^$/g)
    ?.map((part) => part || "0") ?? [];

const folded = (parts: readonly string[]): AnsiStyle => {
  const last = new Map<string, string>();
  for (const part of parts) {
    const slot = slotOf(Number.parseInt(part, 10));
    if (slot === "all") last.clear();
    if (slot === null) continue;
    last.delete(slot);
    last.set(slot, part);
  }
  return [...last.values()].join(";");
};

const slotOf = (code: number): string | null => {
  if (code === 0) return "all";
  if ((code >= 30 && code <= 39) || (code >= 90 && code <= 97)) return "colour";
  if ((code >= 40 && code <= 49) || (code >= 100 && code <= 107)) return "ground";
  return SLOTS.find(({ codes }) => codes.includes(code))?.name ?? null;
};

const SLOTS: readonly { readonly name: string; readonly codes: readonly number[] }[] = [
  { name: "weight", codes: [1, 2, 22] },
  { name: "italic", codes: [3, 23] },
  { name: "underline", codes: [4, 21, 24] },
  { name: "blink", codes: [5, 6, 25] },
  { name: "reverse", codes: [7, 27] },
  { name: "hidden", codes: [8, 28] },
  { name: "strike", codes: [9, 29] },
];
