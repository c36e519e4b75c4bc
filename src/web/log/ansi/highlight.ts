import type { AnsiSegment } from "./ansi.ts";

/** A segment of a line; `isMatch` is true if it is part of a match. */
export type HighlightedSegment = AnsiSegment & { readonly isMatch: boolean };

/** Splits the segments of a line at the matches of `searchText`, ignoring case. */
export const highlight = (segments: readonly AnsiSegment[], searchText: string): readonly HighlightedSegment[] => {
  const ranges = searchText === "" ? [] : rangesOf(segments.map(({ text }) => text).join(""), searchText);
  if (ranges.length === 0) return segments.map((segment) => ({ ...segment, isMatch: false }));
  let end = 0;
  let next = 0;
  return segments.flatMap((segment) => {
    const start = end;
    end += segment.text.length;
    const parts: HighlightedSegment[] = [];
    let done = start;
    const add = (to: number, isMatch: boolean): void => {
      if (to <= done) return;
      parts.push({ ...segment, text: segment.text.slice(done - start, to - start), isMatch });
      done = to;
    };
    // Both lists are sorted, so each is traversed once.
    for (let range = ranges[next]; range !== undefined && range[0] < end; range = ranges[next]) {
      add(range[0], false);
      add(Math.min(range[1], end), true);
      if (range[1] > end) break;
      next++;
    }
    add(end, false);
    return parts;
  });
};

type MatchRange = readonly [from: number, to: number];

const rangesOf = (text: string, searchText: string): readonly MatchRange[] => {
  const [lower, needle] = [text.toLowerCase(), searchText.toLowerCase()];
  // If lower case has another length, the positions differ.
  if (lower.length !== text.length) return [];
  const ranges: MatchRange[] = [];
  for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, at + needle.length)) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
};
