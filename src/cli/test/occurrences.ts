import type { Job } from "../../domain/job.ts";
import { nextDateStart } from "../../domain/schedule/except.ts";
import { localTime, zoneOf } from "../../domain/schedule/local-time.ts";
import { nextOccurrences } from "../../domain/schedule/next-occurrences.ts";
import { parseIso } from "../../domain/time-span.ts";
import type { Path } from "../../jobfile/parse/node.ts";
import type { Expected } from "../../jobfile/schema/test-file.ts";
import { type Differences, Words } from "./difference.ts";

/** Compares the occurrences of a job with those that are expected. `zone` is that of schedules that name none. */
export const checkOccurrences = (
  { occurrences: expected }: Pick<Expected, "occurrences">,
  { job, zone, differences }: { readonly job: Job; readonly zone: string; readonly differences: Differences },
): void => {
  const timezone = job.schedule?.timezone ?? zone;
  for (const [span, given] of Object.entries(expected)) {
    const path: Path = ["expect", "occurrences", span];
    const bounds = boundsOf(span, timezone);
    if (bounds === null) {
      differences.add(path, new Words("a month or a day of the calendar"), span);
      continue;
    }
    const { from, to } = bounds;
    const got = nextOccurrences([job], { after: from - 1, until: to - 1, count: MAX_COUNT, zone }).flatMap((each) =>
      each.isExcluded ? [] : [each.at],
    );
    const whyNone = whyNoOccurrences(job);
    const expectsSome = typeof given === "number" ? given > 0 : given.length > 0;
    if (whyNone !== null && expectsSome) differences.add(path, given, new Words(`none: ${whyNone}`));
    else if (typeof given === "number") differences.same(path, given, got.length);
    else compareTimes(given, got, { path, timezone, differences });
  }
};

/** Returns why a job has no occurrences at all; null if it may have some. */
export const whyNoOccurrences = ({ enabled, schedule }: Job): string | null => {
  if (schedule === null) return "the job has no schedule";
  return enabled ? null : "the job has 'enabled: false'";
};

/** Each second of a month is fewer. */
const MAX_COUNT = 3_000_000;

/** Returns the bounds of a month or a day in a zone, in ms since the Unix epoch, the second one exclusive; null if there is none. */
const boundsOf = (span: string, timezone: string): { readonly from: number; readonly to: number } | null => {
  const isDay = span.length > "2027-03".length;
  const from = parseIso(isDay ? span : `${span}-01`, timezone);
  if (from === null) return null;
  if (isDay) return { from, to: nextDateStart(from, zoneOf(timezone)) };
  const [year = 0, month = 0] = span.split("-").map(Number);
  const next = month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, "0")}-01`;
  const to = parseIso(next, timezone);
  return to === null ? null : { from, to };
};

const compareTimes = (
  given: readonly string[],
  got: readonly number[],
  {
    path,
    timezone,
    differences,
  }: { readonly path: Path; readonly timezone: string; readonly differences: Differences },
): void => {
  const missing = new Set(got);
  for (const [index, text] of given.entries()) {
    const at = parseIso(text, timezone);
    if (at === null) differences.add([...path, index], new Words("a time"), text);
    else if (!missing.delete(at)) differences.add([...path, index], text, new Words("no such occurrence"));
  }
  if (missing.size === 0) return;
  const shown = [...missing].slice(0, MAX_SHOWN).map((at) => localTime(at, timezone));
  const rest = missing.size > MAX_SHOWN ? ` and ${missing.size - MAX_SHOWN} more` : "";
  differences.add(path, new Words("no other occurrences"), new Words(`${shown.join(", ")}${rest}`));
};

const MAX_SHOWN = 10;
