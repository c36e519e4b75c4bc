import { t } from "elysia";
import { type ScheduleMove, WEEKDAYS } from "../../../domain/schedule/move.ts";
import { scheduleMoveText } from "../../../domain/words/schedule/schedule-move.ts";
import { assertNever } from "../../../lib/never.ts";
import { exactly, instantOrNull, integer, word } from "../schemas.ts";

const message = t.String({
  description: "The same as the rest of a sentence about the job",
  examples: ["runs 30 min earlier"],
});

const kindOf = <const Kind extends ScheduleMove["kind"]>(kind: Kind) => ({ kind: t.Literal(kind), message });

const distance = (description: string) => integer({ minimum: 1, description: `${description}, in ms` });

const weekdays = (description: string) => t.Array(word(WEEKDAYS), { description });

const ShiftBody = exactly({
  by_ms: integer({ description: "By how much, in ms; negative: earlier" }),
  from: instantOrNull("The first occurrence that it is true of; null if that is the next one"),
});

export const ScheduleMoveOrNull = t.Union(
  [
    exactly(kindOf("scheduled"), { title: "NewSchedule", description: "Before, it was never due" }),
    exactly(kindOf("unscheduled"), { title: "EndedSchedule", description: "It is never due any more" }),
    exactly(
      { ...kindOf("same"), count: integer({ minimum: 1, description: "Number of occurrences that were compared" }) },
      { title: "SameOccurrences", description: "The next occurrences stay" },
    ),
    exactly(
      {
        ...kindOf("shifted"),
        shifts: t.Array(ShiftBody, {
          description: "One, or two where the clocks of only one of two time zones change; by time",
        }),
      },
      { title: "ShiftedOccurrences", description: "Each occurrence is earlier or later by the same time" },
    ),
    exactly(
      {
        ...kindOf("interval"),
        before_ms: distance("How far apart they were"),
        after_ms: distance("How far apart they are"),
      },
      { title: "ChangedInterval", description: "Occurrences are equally far apart, but by another time" },
    ),
    exactly(
      {
        ...kindOf("weekdays"),
        removed: weekdays("The days of the week on which it is not due any more"),
        added: weekdays("The days of the week on which it was not due before"),
      },
      { title: "ChangedWeekdays", description: "Occurrences on some days of the week go or are new; the others stay" },
    ),
    t.Null(),
  ],
  {
    description:
      "How the occurrences move, if that is true of all that were compared: at least the next 20 and those of 14 days, or the next 100 if these are equally far apart within a day; null if the schedule does not differ, or if nothing simple is",
  },
);

export const scheduleMoveBody = (move: ScheduleMove | null): typeof ScheduleMoveOrNull.static => {
  if (move === null) return null;
  const text = scheduleMoveText(move);
  switch (move.kind) {
    case "scheduled":
      return { kind: move.kind, message: text };
    case "unscheduled":
      return { kind: move.kind, message: text };
    case "same":
      return { kind: move.kind, message: text, count: move.count };
    case "shifted":
      return { kind: move.kind, message: text, shifts: move.shifts.map(({ byMs, from }) => ({ by_ms: byMs, from })) };
    case "interval":
      return { kind: move.kind, message: text, before_ms: move.beforeMs, after_ms: move.afterMs };
    case "weekdays":
      return { kind: move.kind, message: text, removed: [...move.removed], added: [...move.added] };
    default:
      return assertNever(move);
  }
};
