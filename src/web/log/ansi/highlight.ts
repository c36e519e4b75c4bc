import type { Segment } from "./ansi.ts";

/** A piece of a line; `isMatch` where it is (part of) what was looked for. */
export type HighlightedSegment = Segment & { readonly isMatch: boolean };

/** Cuts the pieces of a line where what was looked for begins and ends, upper and lower case alike. */
export const highlight = (segments: readonly Segment[], searchText: string): readonly HighlightedSegment[] => {
  const ranges = searchText === "" ? [] : rangesOf(segments.map(({ text }) => text).join(""), searchText);
  if (ranges.length === 0) return segments.map((segment) => ({ ...segment, isMatch: false }));
  let end = 0;
  let next = 0;
  return segments.flatMap((segment) => {
    const start = end;
    end += segment.text.length;
    const pieces: HighlightedSegment[] = [];
    let done = start;
    const add = (to: number, isMatch: boolean): void => {
      if (to <= done) return;
      pieces.push({ ...segment, text: segment.text.slice(done - start, to - start), isMatch });
      done = to;
    };
    // Both lists are in order: each is walked through once, however many matches a line has.
    for (let range = ranges[next]; range !== undefined && range[0] < end; range = ranges[next]) {
      add(range[0], false);
      add(Math.min(range[1], end), true);
      if (range[1] > end) break;
      next++;
    }
    add(end, false);
    return pieces;
  });
};

type MatchRange = readonly [from: number, to: number];

const rangesOf = (text: string, searchText: string): readonly MatchRange[] => {
  const [lower, needle] = [text.toLowerCase(), searchText.toLowerCase()];
  // Where a letter changes its length, positions would not fit.
  if (lower.length !== text.length) return [];
  const ranges: MatchRange[] = [];
  for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, at + needle.length)) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
};
