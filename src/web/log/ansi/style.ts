/** Parameters of an SGR sequence (`ESC [ … m`) such as `1;38;5;208`, at most one per attribute. Empty for the default style. */
export type AnsiStyle = string;

/** Returns the style that a text sets: the last parameter of each attribute, after a reset if it has one. */
export const styleIn = (text: string): AnsiStyle =>
  text.includes("\x1b")
    ? folded([...text.matchAll(/\x1b\[([\d;:]*)m/g)].flatMap(([, codes = ""]) => partsOf(codes)))
    : "";

/** Combines two styles; the second one takes precedence. */
export const joined = (first: AnsiStyle, then: AnsiStyle): AnsiStyle => {
  if (first === "" || then === "") return first + then;
  return folded(partsOf(`${first};${then}`));
};

/** Returns the escape sequence that sets a style. */
export const styleEscape = (style: AnsiStyle): string => (style === "" ? "" : `\x1b[${style}m`);

/** Returns true if the style is the default style. */
export const isPlain = (style: AnsiStyle): boolean => partsOf(style).every((part) => /^(?:0|2[2-9]|39|49)$/.test(part));

/** Replaces colons by semicolons: `4:3` is a curly underline, `38:2::1:2:3` a colour. */
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

/** Splits parameters. A palette colour or true colour such as `38;5;208` is one part. */
const partsOf = (codes: string): readonly string[] =>
  withSemicolons(codes)
    .match(/[34]8;5;\d+|[34]8;2;\d+;\d+;\d+|\d+|^$/g)
    ?.map((part) => part || "0") ?? [];

const folded = (parts: readonly string[]): AnsiStyle => {
  const last = new Map<string, string>();
  for (const part of parts) {
    const attribute = attributeOf(Number.parseInt(part, 10));
    if (attribute === "all") last.clear();
    if (attribute === null) continue;
    last.delete(attribute);
    last.set(attribute, part);
  }
  return [...last.values()].join(";");
};

const attributeOf = (code: number): string | null => {
  if (code === 0) return "all";
  if ((code >= 30 && code <= 39) || (code >= 90 && code <= 97)) return "colour";
  if ((code >= 40 && code <= 49) || (code >= 100 && code <= 107)) return "ground";
  return ATTRIBUTES.find(({ codes }) => codes.includes(code))?.name ?? null;
};

const ATTRIBUTES: readonly { readonly name: string; readonly codes: readonly number[] }[] = [
  { name: "weight", codes: [1, 2, 22] },
  { name: "italic", codes: [3, 23] },
  { name: "underline", codes: [4, 21, 24] },
  { name: "blink", codes: [5, 6, 25] },
  { name: "reverse", codes: [7, 27] },
  { name: "hidden", codes: [8, 28] },
  { name: "strike", codes: [9, 29] },
];
