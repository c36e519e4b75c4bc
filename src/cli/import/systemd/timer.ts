import { REBOOT } from "../../../domain/schedule/boot.ts";
import { whyUnusable } from "../../../domain/schedule/schedule.ts";
import { formatDuration } from "../../../lib/duration.ts";
import type { Json } from "../../../lib/json.ts";
import type { Remarks } from "../remarks.ts";
import { calendarExpressions, skipsPastEnd } from "./calendar/expressions.ts";
import { parseCalendar } from "./calendar/parse.ts";
import { parseTimeSpan } from "./time-span.ts";
import type { LoadedUnit } from "./unit/folders.ts";
import { booleanOf, type Directive, lastOf, listOf } from "./unit/parse.ts";

/** When the job of a timer is due. */
export type TimerSchedule = {
  /** The schedule of the job; null if it has none. */
  readonly schedule: Readonly<Record<string, Json>> | string | null;
  /** Schedules in further time zones: each starts the job from a job of its own. */
  readonly others: readonly { readonly name: string; readonly schedule: Json }[];
  /** How long after a boot the job also starts, in ms, more than 0; null if it does not. */
  readonly afterBootMs: number | null;
};

/** Settings that only repeat what petit does, or that have no counterpart; each with the reason. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  AccuracySec: "petit starts runs within milliseconds of their time",
  RemainAfterElapse: "a job stays until its file is removed",
  DeferReactivation: "petit skips an occurrence during a run",
};

const LEFT_OUT: Readonly<Record<string, string>> = {
  WakeSystem: "petit does not wake the machine",
  OnClockChange: "petit has no event for it",
  OnTimezoneChange: "petit has no event for it",
};

const KNOWN = new Set(
  "OnCalendar OnActiveSec OnBootSec OnStartupSec OnUnitActiveSec OnUnitInactiveSec RandomizedDelaySec FixedRandomDelay Persistent Unit RandomizedOffsetSec".split(
    " ",
  ),
);

/** Translates the section [Timer]. `now` is in ms since the Unix epoch. */
export const timerSchedule = (timer: LoadedUnit, remarks: Remarks, now: number): TimerSchedule => {
  const { directives } = timer;
  for (const directive of directives.filter(({ section }) => section === "Timer")) remarkOn(directive, remarks);
  const calendars = calendarsOf(directives, remarks, now);
  const periods = [
    ...spansOf(directives, "OnUnitActiveSec", remarks).map((span) =>
      periodOf(span, remarks, "counted from the Unix epoch, and not from the last start"),
    ),
    ...spansOf(directives, "OnUnitInactiveSec", remarks).map((span) =>
      periodOf(
        span,
        remarks,
        "counted from the Unix epoch, and not from the end of the last run; a pause as the last task would be",
      ),
    ),
  ].flatMap((period) => period ?? []);
  const bootSpans = ["OnBootSec", "OnStartupSec", "OnActiveSec"].flatMap((name) => spansOf(directives, name, remarks));
  for (const { directive } of bootSpans.filter((each) => each.directive.name !== "OnBootSec"))
    remarks.note(place(directive), "counted from the boot of the machine");
  const common = commonOf(directives, remarks, calendars.length > 0);
  const [first = { timezone: null, expressions: [] }, ...others] = calendars;
  const delays = bootSpans.map(({ ms }) => ms);
  const expressions = [...new Set([...first.expressions, ...periods, ...(delays.includes(0) ? [REBOOT] : [])])];
  const later = delays.filter((ms) => ms > 0);
  return {
    schedule:
      expressions.length === 0
        ? null
        : expressions.join() === REBOOT
          ? REBOOT
          : scheduleOf(expressions, first.timezone, common),
    others: others.map(({ timezone, expressions: of }) => ({
      name: timezone ?? "local",
      schedule: scheduleOf(of, timezone, common),
    })),
    afterBootMs: later.length === 0 ? null : Math.min(...later),
  };
};

/** Returns the place of a setting, for remarks. */
export const place = (directive: Directive) => ({
  file: directive.file,
  line: directive.line,
  text: `${directive.name}=${directive.value}`,
});

const remarkOn = (directive: Directive, remarks: Remarks): void => {
  const { name, value } = directive;
  if (value === "" || KNOWN.has(name)) return;
  if (Object.hasOwn(WITHOUT_EFFECT, name)) remarks.note(place(directive), WITHOUT_EFFECT[name] ?? "");
  else if (Object.hasOwn(LEFT_OUT, name)) {
    if (booleanOf(value) !== false) remarks.leaveOut(place(directive), LEFT_OUT[name] ?? "");
  } else remarks.leaveOut(place(directive), "it is not known for a timer");
};

type Calendar = { readonly timezone: string | null; readonly expressions: readonly string[] };

/** Returns the expressions of all `OnCalendar=`, by their time zones in order. */
const calendarsOf = (directives: readonly Directive[], remarks: Remarks, now: number): readonly Calendar[] => {
  const zones = new Map<string | null, string[]>();
  for (const directive of listOf(directives, "Timer", "OnCalendar")) {
    const event = parseCalendar(directive.value);
    if ("problem" in event) {
      remarks.leaveOut(place(directive), event.problem);
      continue;
    }
    const translated = calendarExpressions(event, new Date(now).getUTCFullYear());
    const problem =
      "problem" in translated
        ? translated.problem
        : translated.expressions.map(whyUnusable).find((why) => why !== null);
    if ("problem" in translated || typeof problem === "string") remarks.leaveOut(place(directive), problem ?? "");
    else {
      zones.set(event.timezone, [...(zones.get(event.timezone) ?? []), ...translated.expressions]);
      if (skipsPastEnd(event))
        remarks.note(
          place(directive),
          "systemd 252 skips some of the first times after its repetition passes the end of a day or month; petit runs them",
        );
    }
  }
  return [...zones].map(([timezone, expressions]) => ({ timezone, expressions: [...new Set(expressions)] }));
};

type Span = { readonly directive: Directive; readonly ms: number };

const spansOf = (directives: readonly Directive[], name: string, remarks: Remarks): readonly Span[] =>
  listOf(directives, "Timer", name).flatMap((directive) => {
    const ms = parseTimeSpan(directive.value);
    if (typeof ms === "number") return [{ directive, ms }];
    remarks.leaveOut(
      place(directive),
      ms === null ? "it is not a time span; expected one such as 15min" : "it never elapses",
    );
    return [];
  });

/** Returns `@every` for an interval of whole seconds. */
const periodOf = ({ directive, ms }: Span, remarks: Remarks, note: string): string | null => {
  if (ms >= 1000 && ms % 1000 === 0) {
    remarks.note(place(directive), note);
    return `@every ${formatDuration(ms)}`;
  }
  remarks.leaveOut(place(directive), "petit counts intervals in whole seconds");
  return null;
};

/** What all schedules of a timer share. */
type Common = Readonly<Record<string, Json>>;

const commonOf = (directives: readonly Directive[], remarks: Remarks, hasCalendar: boolean): Common => {
  const persistent = lastOf(directives, "Timer", "Persistent");
  const isPersistent = persistent !== null && booleanOf(persistent.value) === true;
  if (isPersistent && !hasCalendar) remarks.note(place(persistent), "it only concerns OnCalendar=");
  return { ...(isPersistent && hasCalendar ? PERSISTENT : { catchup: "none" }), ...jitterOf(directives, remarks) };
};

/** systemd makes up for an elapse however long ago it was. All schedules but one of some years are due within this window. */
const PERSISTENT = { catchup: "latest", catchup_window: "366d" };

const jitterOf = (directives: readonly Directive[], remarks: Remarks): Common => {
  const fixed = lastOf(directives, "Timer", "FixedRandomDelay");
  const offset = lastOf(directives, "Timer", "RandomizedOffsetSec");
  const delay = lastOf(directives, "Timer", "RandomizedDelaySec");
  if (fixed !== null && booleanOf(fixed.value) === true)
    remarks.leaveOut(place(fixed), "the delay of petit differs from occurrence to occurrence");
  if (offset !== null)
    remarks.leaveOut(place(offset), "petit has no fixed offset; expected another time in the schedule");
  const ms = delay === null ? 0 : parseTimeSpan(delay.value);
  if (delay !== null && typeof ms !== "number")
    remarks.leaveOut(place(delay), "it is not a time span; expected one such as 15min");
  return typeof ms === "number" && ms > 0 ? { jitter: formatDuration(ms) } : {};
};

const scheduleOf = (
  expressions: readonly string[],
  timezone: string | null,
  common: Common,
): Readonly<Record<string, Json>> => ({
  cron: expressions.length === 1 ? (expressions[0] ?? "") : [...expressions],
  ...(timezone === null ? {} : { timezone }),
  ...common,
});
