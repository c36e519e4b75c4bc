import type { Segment } from "./ansi.ts";

/** A piece of a line; `isMatch` where it is (part of) what was looked for. */
export type Piece = Segment & { readonly isMatch: boolean };

/** Cuts the pieces of a line where what was looked for begins and ends, upper and lower case alike. */
export const highlight = (segments: readonly Segment[], wanted: string): readonly Piece[] => {
  const ranges = wanted === "" ? [] : rangesOf(segments.map(({ text }) => text).join(""), wanted);
  if (ranges.length === 0) return segments.map((segment) => ({ ...segment, isMatch: false }));
  let start = 0;
  return segments.flatMap((segment) => {
    const pieces = cut(segment, start, ranges);
    start += segment.text.length;
    return pieces;
  });
};

type Range = readonly [from: number, to: number];

const rangesOf = (text: string, wanted: string): readonly Range[] => {
  const [lower, needle] = [text.toLowerCase(), wanted.toLowerCase()];
  // Where a letter changes its length, positions would not fit.
  if (lower.length !== text.length) return [];
  const ranges: Range[] = [];
  for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, at + needle.length)) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
};

const cut = (segment: Segment, start: number, ranges: readonly Range[]): readonly Piece[] => {
  const end = start + segment.text.length;
  const inside = ranges.filter(([from, to]) => from < end && to > start);
  const marks = new Set([start, end, ...inside.flat().filter((at) => at > start && at < end)]);
  const bounds = [...marks].sort((a, b) => a - b);
  return bounds.slice(1).map((to, index) => {
    const from = bounds[index] ?? start;
    const isMatch = inside.some((range) => range[0] <= from && to <= range[1]);
    return { ...segment, text: segment.text.slice(from - start, to - start), isMatch };
  });
};
