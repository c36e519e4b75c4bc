const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18fff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const segmenter = new Intl.Segmenter();

/** Columns that a text without control characters takes on a terminal. */
export const textWidth = (text: string): number => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
};

/** At most `width` columns of it, with `…` for what is left out at the end. */
export const fitEnd = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text;
  let kept = "";
  let left = width - 1;
  for (const { segment } of segmenter.segment(text)) {
    left -= textWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return width < 1 ? "" : `${kept}…`;
};

/** As `fitEnd`, but it is the end that is kept: of an id, that tells most. */
export const fitStart = (text: string, width: number): string =>
  text.length <= width ? text : width < 1 ? "" : `…${text.slice(text.length - width + 1)}`;

/** As `fitEnd`, but beginning and end are kept: of ids that begin or end alike, both tell. */
export const fitMiddle = (text: string, width: number): string => {
  if (text.length <= width) return text;
  const end = Math.floor((width - 1) / 2);
  return width < 1 ? "" : `${text.slice(0, width - 1 - end)}…${end === 0 ? "" : text.slice(-end)}`;
};

export const padTo = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - textWidth(text)));

/** In one line, and without anything that a terminal would act on. */
export const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, " ");
