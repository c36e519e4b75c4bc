import { combineRanges, parse } from "range-parser";

/** What a request gets of a file: everything, a part (both ends included), nothing new, or an error. */
export type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "not_modified" }
  | { readonly kind: "unsatisfiable" };

const WHOLE = { kind: "whole" } as const;

export type SelectionOptions = {
  readonly headers: Headers;
  /** The entity tag of the file, with its quotes. */
  readonly etag: string;
  readonly size: number;
};

/** Evaluates `If-None-Match`, `If-Range` and `Range` (RFC 9110, sections 13 and 14). */
export const selectPart = ({ headers, etag, size }: SelectionOptions): Selection => {
  const known = headers.get("if-none-match");
  if (known !== null && matchesTag(known, etag)) return { kind: "not_modified" };
  const range = headers.get("range");
  const ifRange = headers.get("if-range");
  // A date never matches, because files are sent without one.
  if (range === null || (ifRange !== null && ifRange.trim() !== etag)) return WHOLE;
  return selectRange(range, size);
};

/** Compares without regard to `W/`, as a proxy may add it when it compresses. */
const matchesTag = (list: string, etag: string): boolean =>
  list.split(",").some((each) => ["*", etag].includes(each.trim().replace(/^W\//, "")));

/**
 * Returns the only range. A malformed one is ignored, and so are several that can't be combined to one: a server may always
 * send everything.
 */
const selectRange = (header: string, size: number): Selection => {
  const { code, type, ranges } = parse(size, header);
  if (type !== "bytes" || (code & MALFORMED) !== 0) return WHOLE;
  const [first, ...others] = combineRanges(ranges);
  if (first === undefined) return (code & UNSATISFIABLE) === 0 ? WHOLE : { kind: "unsatisfiable" };
  return others.length === 0 ? { kind: "part", start: first.start, end: first.end } : WHOLE;
};

/** Bits in the `code` of range-parser. */
const MALFORMED = 1;
const UNSATISFIABLE = 2;
