import { type Entry, isEmpty, type MapNode } from "../../../jobfile/parse/node.ts";
import { changesDue } from "../clock-changes.ts";
import { translateExpression } from "./expression.ts";
import { type Rewrite, textOf } from "./rewrite.ts";

const KNOWN = ["cron", "timezone"];

/** Rewrites the `schedule` of a job. The Rust petit counts in UTC, and does not catch up. `now` is in ms. */
export const convertSchedule = (rewrite: Rewrite, job: MapNode, now: number): void => {
  const entry = job.entries.find(({ key }) => key === "schedule");
  if (entry === undefined || isEmpty(entry.value)) return;
  const { value } = entry;
  if (value.kind === "list")
    rewrite.problem(value.at, "a list of schedules is not read by the Rust petit; expected one");
  else if (value.kind === "map") convertMap(rewrite, { job, entry, value, now });
  else convertText(rewrite, { job, entry });
};

type Place = { readonly job: MapNode; readonly entry: Entry };

const convertText = (rewrite: Rewrite, place: Place): void => {
  const expression = translate(rewrite, place, place.entry);
  if (expression === null) return;
  rewrite.note(IN_UTC);
  rewrite.edits.setValue(place.entry, `{cron: ${quoted(expression)}, timezone: UTC, catchup: none}`);
};

/** Returns the translation of the expression of `cron`, or null (after saying why) if there is none. */
const translate = (rewrite: Rewrite, { job, entry }: Place, cron: Entry): string | null => {
  const text = textOf(cron.value) ?? "";
  const translation = translateExpression(text);
  switch (translation.kind) {
    case "wrong":
      rewrite.problem(cron.value.at, translation.problem);
      return null;
    case "left_out":
      rewrite.leaveOut(job, entry, `the schedule ${translation.reason}`);
      return null;
    case "expression":
      for (const note of translation.notes) rewrite.note(note);
      return translation.expression;
  }
};

const IN_UTC = "its schedule is in UTC, and does not catch up";

const quoted = (text: string): string => JSON.stringify(text);

/** A second import would change the weekday numbers again. */
const NOT_TWICE =
  "'catchup' is a field of petit, so the file seems to be imported already; expected a file of the Rust petit";

type MapPlace = Place & { readonly value: MapNode; readonly now: number };

const convertMap = (rewrite: Rewrite, { job, entry, value, now }: MapPlace): void => {
  const cron = value.entries.find(({ key }) => key === "cron");
  if (cron === undefined) {
    rewrite.problem(entry.keyAt, "a schedule has no 'cron'; the Rust petit requires it");
    return;
  }
  const catchup = value.entries.find(({ key }) => key === "catchup");
  if (catchup !== undefined) {
    rewrite.problem(catchup.keyAt, NOT_TWICE);
    return;
  }
  const expression = translate(rewrite, { job, entry }, cron);
  if (expression === null) return;
  const fields = rewrite.keepKnown(value, KNOWN);
  if (expression !== textOf(cron.value)) rewrite.edits.setValue(cron, quoted(expression));
  const timezone = fields.get("timezone");
  const isGiven = timezone !== undefined && !isEmpty(timezone.value);
  if (timezone !== undefined && !isGiven) rewrite.edits.setValue(timezone, "UTC");
  rewrite.note(isGiven ? "its schedule does not catch up" : IN_UTC);
  if (timezone === undefined) rewrite.edits.addAfter(value, cron, "timezone: UTC");
  rewrite.edits.addAfter(value, cron, "catchup: none");
  if (isGiven) noteClockChanges(rewrite, { expression, timezone: textOf(timezone.value) ?? "", now });
};

type Clock = { readonly expression: string; readonly timezone: string; readonly now: number };

/** Notes what is different if a schedule is due where the clock of its time zone changes within a year. */
const noteClockChanges = (rewrite: Rewrite, clock: Clock): void => {
  const { timezone } = clock;
  for (const change of changesDue(clock)) {
    if (change === "skipped")
      rewrite.note(`a time that the clock of ${timezone} skips runs right after it; the Rust petit leaves it out`);
    else
      rewrite.note(
        `in the hour that the clock of ${timezone} repeats, it runs ${change === "repeated" ? "as real time goes" : "once"}; the Rust petit starts it again and again there`,
      );
  }
};
