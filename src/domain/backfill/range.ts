import { shorten } from "../../lib/text.ts";
import { nextDateStart } from "../schedule/except.ts";
import { zoneOf } from "../schedule/local-time.ts";
import { MAX_MOMENT_LENGTH, MOMENT_FORM, parseMoment } from "../time-span.ts";

/** The occurrences from `from` to `to`; both are included. */
export type BackfillRange = { readonly from: number; readonly to: number };

type RangeTexts = { readonly from: string; readonly to: string };

/** A range, or which of its two texts can't be used, and why. */
type ParsedRange = BackfillRange | { readonly field: keyof RangeTexts; readonly problem: string };

/**
 * Parses the texts of a range in the zone of the job, as `parseMoment` does. A day means all of it: as `to`, its last instant. A text of
 * digits is a number of ms since the Unix epoch.
 */
export const parseRange = (
  texts: RangeTexts,
  context: { readonly now: number; readonly zone: string },
): ParsedRange => {
  const parse = (text: string): number | null => (INSTANT.test(text) ? Number(text) : parseMoment(text, context));
  for (const field of ["from", "to"] as const)
    if (BEFORE_1970.test(texts[field].trim())) return { field, problem: `'${texts[field]}' is before 1970` };
  const from = parse(texts.from);
  if (from === null) return { field: "from", problem: problemOf(texts.from) };
  const to = parse(texts.to);
  if (to === null) return { field: "to", problem: problemOf(texts.to) };
  const end = isDay(texts.to) ? nextDateStart(to, zoneOf(context.zone)) - 1 : to;
  if (from <= end) return { from, to: end };
  return { field: "from", problem: `'${texts.from}' is after '${texts.to}'` };
};

const BEFORE_1970 = /^(?:0\d|1[0-8]|19[0-6])\d+-/;

const INSTANT = /^\d{10,15}$/;

const problemOf = (text: string): string =>
  `'${shorten(text, MAX_MOMENT_LENGTH)}' is no time; expected a date such as 2026-11-01, ${MOMENT_FORM}`;

const isDay = (text: string): boolean => /^(?:\d{4}-\d\d-\d\d|(?:last )?(?!now$)[a-z]{3,9})$/i.test(text.trim());
