/**
 * Matches clusters that take two columns: East Asian wide characters, emoji, keycaps, and half-width kana with a voicing mark.
 * The `string-width` package agrees on these, but its first call takes 15 ms or more, half the run time of most commands.
 */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18fff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|[\ufe0f\u20e3]|.[\uff9e\uff9f]/u;
/** Matches clusters that take no column, such as a combining mark without a base. */
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\p{Mn}\p{Me}]+$/u;
const segmenter = new Intl.Segmenter();

/** Matches texts of characters that take one column each: Latin letters, box drawing, arrows and petit's signs. */
const NARROW = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff–…‹›←-↓─-╿■●○✓✗]*$/;

/** Returns the number of terminal columns of a text without control characters. */
export const textWidth = (text: string): number => {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += clusterWidth(segment);
  return width;
};

const clusterWidth = (cluster: string): number => (WIDE.test(cluster) ? 2 : INVISIBLE.test(cluster) ? 0 : 1);

/** Shortens a text to at most `width` columns. `…` replaces the omitted end. */
export const fitEnd = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text;
  let start = "";
  let room = width - 1;
  for (const { segment } of segmenter.segment(text)) {
    room -= textWidth(segment);
    if (room < 0) break;
    start += segment;
  }
  return width < 1 ? "" : `${start}…`;
};

/** Shortens an ASCII text to at most `width` characters. `…` replaces the omitted start, because the end of an id is its random part. */
export const fitStart = (text: string, width: number): string =>
  text.length <= width ? text : width < 1 ? "" : `…${text.slice(text.length - width + 1)}`;

/** Shortens an ASCII text to at most `width` characters. `…` replaces the middle, so that ids with a common start or end stay distinct. */
export const fitMiddle = (text: string, width: number): string => {
  if (text.length <= width) return text;
  const end = Math.floor((width - 1) / 2);
  return width < 1 ? "" : `${text.slice(0, width - 1 - end)}…${end === 0 ? "" : text.slice(-end)}`;
};

/** Pads a text with spaces to `width` columns. */
export const padTo = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - textWidth(text)));

/** Replaces control characters, line breaks included, and characters that change the direction of text with spaces. */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ");

/**
 * Shortens a text to at most `width` columns. `…` replaces a part of the middle: an error often begins with a long path, and ends with what
 * matters.
 */
export const fitBoth = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text;
  const start = fitEnd(text, Math.floor(width / 3));
  return `${start}${endOf(text, width - textWidth(start))}`;
};

/** Returns the end of a text, at most `width` columns of it. */
const endOf = (text: string, width: number): string => {
  let end = "";
  let room = width;
  for (const { segment } of [...segmenter.segment(text)].toReversed()) {
    room -= textWidth(segment);
    if (room < 0) break;
    end = `${segment}${end}`;
  }
  return end;
};

/** Breaks a text between words into lines of at most `width` columns, and words that are longer within. */
const wrapText = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (textWidth(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    const parts = splitText(word, width);
    lines.push(...parts.slice(0, -1));
    line = parts.at(-1) ?? "";
  }
  return [...lines, line];
};

/** Breaks a text into lines of at most `width` columns, wherever that is. */
export const splitText = (text: string, width: number): readonly string[] => {
  const parts: string[] = [];
  let part = "";
  let room = width;
  for (const { segment } of segmenter.segment(text)) {
    const needed = textWidth(segment);
    if (needed > room && part !== "") {
      parts.push(part);
      part = "";
      room = width;
    }
    part += segment;
    room -= needed;
  }
  return [...parts, part];
};

type Room = {
  /** In columns. */
  readonly width: number;
  readonly lines: number;
};

/** Wraps a text into a limited number of lines. `…` replaces lines in the middle, so that the end is always there. */
export const wrapBoth = (text: string, { width, lines: limit }: Room): readonly string[] => {
  // Measuring is slow, and a line of output can have many thousands of characters.
  const most = 4 * width * limit;
  const bounded = text.length <= 2 * most ? text : `${text.slice(0, most)}…${text.slice(-most)}`;
  const words = wrapText(bounded, width);
  if (words.length <= limit) return words;
  // More fits if lines end anywhere.
  const lines = splitText(bounded, width);
  if (lines.length <= limit) return lines;
  if (limit === 1) return [fitBoth(text, width)];
  const before = Math.ceil(limit / 3);
  const cut = lines[before - 1] ?? "";
  const last = textWidth(cut) < width ? `${cut}…` : fitEnd(`${cut}…`, width);
  return [...lines.slice(0, before - 1), last, ...lines.slice(before - limit)];
};
