import { assertNever } from "../../../lib/never.ts";
import { zoneOf } from "../../schedule/local-time.ts";
import type { ScheduleMove, Shift, Weekday } from "../../schedule/move.ts";

/** Returns how the occurrences of a changed schedule move, as the rest of a sentence about the job: `runs 30 min earlier`. */
export const scheduleMoveText = (move: ScheduleMove): string => {
  switch (move.kind) {
    case "scheduled":
      return "newly scheduled";
    case "unscheduled":
      return "no longer scheduled";
    case "same":
      return `the next ${move.count} occurrences stay the same`;
    case "shifted":
      return shiftedText(move);
    case "interval":
      return `runs every ${periodText(move.afterMs)} instead of every ${periodText(move.beforeMs)}`;
    case "weekdays":
      return weekdaysText(move);
    default:
      return assertNever(move);
  }
};

type Shifted = Extract<ScheduleMove, { readonly kind: "shifted" }>;

const shiftedText = ({ shifts: [first, second], timezone }: Shifted): string => {
  if (first === undefined) return "";
  if (second === undefined) return `runs ${byText(first)}${fromText(first, timezone)}`;
  if (first.byMs === 0 && first.from === null) return `runs ${byText(second)}${fromText(second, timezone)}`;
  return `runs ${byText(first)}${fromText(first, timezone)}, and ${byText(second)}${fromText(second, timezone)}`;
};

const byText = ({ byMs }: Shift): string => {
  if (byMs === 0) return "at the same times";
  return `${amountText(Math.abs(byMs))} ${byMs < 0 ? "earlier" : "later"}`;
};

const fromText = ({ from, startsDay }: Shift, timezone: string): string => {
  if (from === null) return "";
  const wall = new Date(zoneOf(timezone).toWall(from));
  const date = `${wall.getUTCDate()} ${MONTHS[wall.getUTCMonth()]} ${wall.getUTCFullYear()}`;
  return ` from ${date}${startsDay ? "" : ` ${wall.toISOString().slice(11, 16)}`} on`;
};

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** Returns a whole number of seconds as people write it, such as `1 h 30 min`. */
const amountText = (ms: number): string => {
  let rest = ms;
  return UNITS.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [`${count} ${unit}`];
  }).join(" ");
};

/** Completes `every …`. */
const periodText = (ms: number): string => PERIODS.get(ms) ?? amountText(ms);

const PERIODS: ReadonlyMap<number, string> = new Map([
  [1_000, "second"],
  [60_000, "minute"],
  [3_600_000, "hour"],
  [86_400_000, "day"],
  [7 * 86_400_000, "week"],
]);

type Weekdays = Extract<ScheduleMove, { readonly kind: "weekdays" }>;

const weekdaysText = ({ removed, added }: Weekdays): string => {
  if (added.length === 0) return `no longer runs on ${daysText(removed)}`;
  if (removed.length === 0) return `also runs on ${daysText(added)}`;
  return `runs on ${daysText(added)} instead of ${daysText(removed)}`;
};

/** Weeks begin with Monday in a list. */
const daysText = (days: readonly Weekday[]): string => {
  const sorted = [...days.filter((day) => day !== "sunday"), ...days.filter((day) => day === "sunday")];
  const names = sorted.map((day) => `${day.slice(0, 1).toUpperCase()}${day.slice(1)}`);
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
};
