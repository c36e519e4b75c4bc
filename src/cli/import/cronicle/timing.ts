import { isTimezone } from "../../../domain/schedule/local-time.ts";
import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import type { Json } from "../../../lib/json.ts";
import { changesDue } from "../clock-changes.ts";
import type { EventFields } from "./event-fields.ts";
import { asMap, type Plain } from "./export.ts";

const LISTS = [
  ["minutes", 0, 59],
  ["hours", 0, 23],
  ["days", 1, 31],
  ["months", 1, 12],
  ["weekdays", 0, 6],
] as const;

/** Returns the schedule of an event: all lists of its timing must match. Without a timing, an event runs only by hand and after others. */
export const scheduleOf = (fields: EventFields, now: number): Json | null => {
  const timing = asMap(fields.take("timing"));
  const zone = fields.text("timezone");
  const catchup = fields.boolean("catch_up");
  if (timing === null) return null;
  if (zone !== null && !isTimezone(zone)) {
    fields.leaveOut("timezone", "petit does not know the time zone, so the schedule is left out");
    return null;
  }
  const years = numbersOf(timing.years);
  if (years.length > 0) {
    fields.leaveOut(
      "timing",
      Math.max(...years) < new Date(now).getUTCFullYear()
        ? "its years have passed"
        : "it is limited to some years; a schedule of petit has none",
    );
    return null;
  }
  const lists = LISTS.map(([name, min, max]) => {
    const given = numbersOf(timing[name]);
    const possible = given.filter((value) => Number.isInteger(value) && value >= min && value <= max);
    return { name, isNever: given.length > 0 && possible.length === 0, text: listText(possible, min, max) };
  });
  const never = lists.find(({ isNever }) => isNever);
  if (never !== undefined) {
    fields.leaveOut("timing", `its ${never.name} never come, so the event is never due`);
    return null;
  }
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = lists.map(({ text }) => text);
  const expression = [minute, hour, day, month, day === "*" || weekday === "*" ? weekday : `+${weekday}`].join(" ");
  const unusable = whyUnusable(expression);
  if (unusable !== null) {
    fields.leaveOut("timing", unusable);
    return null;
  }
  noteClockChanges(fields, { expression, timezone: zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone, now });
  if (catchup) fields.note("catch_up", "petit makes up for at most 100 occurrences");
  return {
    cron: expression,
    ...(zone === null ? {} : { timezone: zone }),
    ...(catchup ? { catchup: "all", catchup_window: "366d" } : { catchup: "none" }),
  };
};

/** Cronicle compares the clock with the lists in each minute: what the clock skips is not due, and what it repeats is due twice. */
const noteClockChanges = (
  fields: EventFields,
  clock: { readonly expression: string; readonly timezone: string; readonly now: number },
): void => {
  const kinds = new Set(changesDue(clock));
  if (kinds.has("skipped"))
    fields.note(
      "timing",
      `a time that the clock of ${clock.timezone} skips runs right after it; Cronicle leaves it out`,
    );
  if (kinds.has("once"))
    fields.note(
      "timing",
      `in the hour that the clock of ${clock.timezone} repeats, it runs once; Cronicle runs it twice`,
    );
};

const numbersOf = (value: Plain | undefined): readonly number[] =>
  Array.isArray(value) ? [...new Set(value.map(Number))].filter(Number.isFinite).sort((a, b) => a - b) : [];

/** An empty list matches all values. */
const listText = (values: readonly number[], min: number, max: number): string => {
  const all = max - min + 1;
  if (values.length === 0 || values.length === all) return "*";
  const [first = 0, second = 0] = values;
  const step = second - first;
  const isStepped =
    first === min &&
    step > 1 &&
    values.length === Math.ceil(all / step) &&
    values.every((value, index) => value === min + index * step);
  if (isStepped && values.length > 1) return `*/${step}`;
  const isRange = values.length > 2 && values.every((value, index) => value === first + index);
  return isRange ? `${first}-${values.at(-1)}` : values.join(",");
};
