import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ScheduleMove, scheduleMove, WEEKDAYS } from "../../../src/domain/schedule/move.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";
import { scheduleMoveText } from "../../../src/domain/words/schedule/schedule-move.ts";
import { assertNever } from "../../../src/lib/never.ts";
import { schedule } from "../../support/engine/factories.ts";

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/** A Monday. */
const NOW = Date.parse("2026-11-30T12:00:00Z");

type Side = string | ScheduleSpec | null;

const sideOf = (side: Side) => ({
  schedule: typeof side === "string" ? schedule(side, { timezone: "UTC" }) : side,
  enabled: true,
});

const say = (before: Side, after: Side, now = NOW): string | null => {
  const move = scheduleMove(sideOf(before), sideOf(after), { now, timezone: "UTC" });
  return move === null ? null : scheduleMoveText(move);
};

const inZone = (timezone: string, ...expressions: readonly string[]): ScheduleSpec => ({
  ...schedule("@daily", { timezone }),
  expressions,
});

describe("how a schedule moves", () => {
  test.each<readonly [Side, Side, string | null]>([
    ["0 7 * * *", "30 6 * * *", "runs 30 min earlier"],
    ["0 7 * * *", "0 18 * * *", "runs 11 h later"],
    ["0 7 * * *", "45 8 * * *", "runs 1 h 45 min later"],
    ["0 7 * * 1-5", "0 6 * * 1-5", "runs 1 h earlier"],
    ["0 7,19 * * *", "0 8,20 * * *", "runs 1 h later"],
    ["0 9,10,11 * * *", "0 15,16,17 * * *", "runs 6 h later"],
    ["0 0 7 * * *", "10 0 7 * * *", "runs 10 s later"],
    ["0 7 1 * *", "30 6 1 * *", "runs 30 min earlier"],
    ["0 7 25 12 *", "0 7 24 12 *", "runs 1 d earlier"],
    ["0 * * * *", "15 * * * *", "runs 15 min later"],
    ["0 * * * *", "30 * * * *", "runs 30 min later"],
    ["*/5 * * * *", "*/10 * * * *", "runs every 10 min instead of every 5 min"],
    ["@every 1h30m", "* * * * *", "runs every minute instead of every 1 h 30 min"],
    ["0 7 * * *", "0 * * * *", "runs every hour instead of every day"],
    ["0 7 * * *", "0 8 * * 1", "runs every week instead of every day"],
    ["0 7 * * *", "0 7 * * 1-5", "no longer runs on Saturday and Sunday"],
    ["0 * * * 1-5", "0 * * * *", "also runs on Saturday and Sunday"],
    ["0 7 * * 1", "0 7 * * 3", "runs on Wednesday instead of Monday"],
    ["0 7 * * *", "@reboot", null],
    ["0 7 * * *", "0 7,19 * * *", "runs every 12 h instead of every day"],
    ["0 7 * * *", "0 7,8 * * *", null],
    ["0 7 * * 1-5", "0 8 * * 2-6", "runs 1 d 1 h later"],
    ["0 7 1 * *", "0 7 1 1 *", null],
    ["@daily", "0 0 * * *", "the next 20 occurrences stay the same"],
    [null, "@daily", "newly scheduled"],
    [null, "@reboot", "newly scheduled"],
    ["@daily", null, "no longer scheduled"],
    [null, null, null],
  ])("from %j to %j is %j", (before, after, text) => {
    expect(say(before, after)).toBe(text);
  });

  test("of a job that is disabled is that it is not scheduled", () => {
    const job = sideOf("@daily");
    const options = { now: NOW, timezone: "UTC" };
    expect(scheduleMove(job, { ...job, enabled: false }, options)).toEqual({ kind: "unscheduled" });
    expect(scheduleMove({ ...job, enabled: false }, job, options)).toEqual({ kind: "scheduled" });
  });

  test("begins with the first occurrence that follows the rule, if the new schedule leaves out one that is due", () => {
    const early = Date.parse("2026-11-30T06:45:00Z");
    expect(say("0 7 * * *", "30 6 * * *", early)).toBe("runs 30 min earlier from 1 December 2026 on");
    expect(say("30 6 * * *", "0 7 * * *", early)).toBe("runs 30 min later");
    expect(say("0 * * * *", "45 * * * *", Date.parse("2026-11-30T12:50:00Z"))).toBe(
      "runs 15 min earlier from 30 November 2026 13:45 on",
    );
  });

  test("with another time zone changes with the clocks of one of them", () => {
    const spring = Date.parse("2026-03-20T12:00:00Z");
    const [utc, paris] = [inZone("UTC", "0 7 * * *"), inZone("Europe/Paris", "0 7 * * *")];
    expect(say(utc, paris)).toBe("runs 1 h earlier");
    expect(say(utc, paris, spring)).toBe("runs 1 h earlier, and 2 h earlier from 29 March 2026 on");
    expect(say(utc, inZone("Europe/Paris", "0 8 * * *"), spring)).toBe("runs 1 h earlier from 29 March 2026 on");
    expect(say(paris, inZone("UTC", "0 5 * * *"), spring)).toBe(
      "runs 1 h earlier, and at the same times from 29 March 2026 on",
    );
    expect(say(paris, inZone("Europe/Berlin", "0 7 * * *"), spring)).toBe("the next 20 occurrences stay the same");
  });

  test("is by the clock where that changes", () => {
    const spring = Date.parse("2026-03-20T12:00:00Z");
    const paris = (...expressions: readonly string[]) => inZone("Europe/Paris", ...expressions);
    expect(say(paris("0 7 * * *"), paris("0 8 * * *"), spring)).toBe("runs 1 h later");
    expect(say(paris("0 7 * * *"), paris("0 7 * * 1"), spring)).toBe("runs every week instead of every day");
    // In the night without a 02:30 the one runs at 03:00.
    expect(say(paris("30 2 * * *"), paris("30 4 * * *"), spring)).toBeNull();
  });

  test("is not said where dates are left out", () => {
    const except = { dates: ["2026-12-08"], files: [] };
    expect(say("0 7 * * *", { ...schedule("0 7 * * *"), timezone: "UTC", except })).toBeNull();
    expect(say("0 7 * * *", { ...schedule("0 8 * * *"), timezone: "UTC", except })).toBeNull();
  });
});

/** A schedule in UTC that is compared with every minute, without a library. */
type Model = {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly weekdays: readonly number[];
};

const some = (max: number, maxLength: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.uniqueArray(fc.nat({ max }), { minLength: 1, maxLength }) },
    fc.constantFrom(1, 2, 5, 6, 10).map((step) => {
      const all = Array.from({ length: max + 1 }, (_, value) => value);
      return all.filter((value) => value % step === 0);
    }),
  );

const anyModel: fc.Arbitrary<Model> = fc.record({
  minutes: fc.oneof(fc.constantFrom([0], [30], [15, 45]), some(59, 2)),
  hours: fc.oneof(fc.constantFrom([7], [6], [0], [23], [7, 19]), some(23, 2)),
  weekdays: fc.oneof(
    fc.constantFrom([0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5], [1]),
    fc.uniqueArray(fc.nat({ max: 6 }), { minLength: 1 }),
  ),
});

const specOf = ({ minutes, hours, weekdays }: Model): string => `${minutes} ${hours} * * ${weekdays}`;

const isDue = ({ minutes, hours, weekdays }: Model, at: number): boolean => {
  const date = new Date(at);
  return (
    minutes.includes(date.getUTCMinutes()) && hours.includes(date.getUTCHours()) && weekdays.includes(date.getUTCDay())
  );
};

/** The instants after `from` and until `until` at which a schedule is due. */
const dueIn = (model: Model, from: number, until: number): readonly number[] => {
  const found: number[] = [];
  for (let at = (Math.floor(from / MINUTE) + 1) * MINUTE; at <= until; at += MINUTE)
    if (isDue(model, at)) found.push(at);
  return found;
};

const stepsOf = (times: readonly number[]): readonly number[] =>
  times.slice(1).map((at, index) => at - (times[index] ?? at));

/** Returns until when the occurrences of 13 days are compared: frequent ones only until the hundredth. */
const comparedUntil = (times: readonly number[], now: number): number => {
  const last = times[99] ?? Infinity;
  const isDense = last <= now + DAY && new Set(stepsOf(times.slice(0, 100))).size === 1;
  return isDense ? last : (times[1_399] ?? now + 13 * DAY);
};

/** Returns what is not true of a move within the days that are compared at least. */
const lies = (move: ScheduleMove, before: Model, after: Model, now: number): readonly string[] => {
  const end = now + 13 * DAY;
  const [old, current] = [dueIn(before, now, end), dueIn(after, now, end)];
  const limit = Math.min(comparedUntil(old, now), comparedUntil(current, now));
  const within = (times: readonly number[]) => times.filter((at) => at <= limit);
  switch (move.kind) {
    case "scheduled":
    case "unscheduled":
      return ["both are scheduled"];
    case "same":
      return within(old).join() === within(current).join() ? [] : ["they differ"];
    case "interval":
      return [
        ...stepsOf(within(old)).filter((step) => step !== move.beforeMs),
        ...stepsOf(within(current)).filter((step) => step !== move.afterMs),
      ].map((step) => `${step} ms`);
    case "shifted": {
      const [shift, ...others] = move.shifts;
      if (shift === undefined || others.length > 0) return ["there is no zone but UTC"];
      const { byMs } = shift;
      const from = shift.from ?? now;
      return [
        ...within(current).filter((at) => !isDue(before, at - byMs)),
        ...within(current).filter((at) => at < from),
        ...old
          .filter((at) => at + Math.max(byMs, 0) <= limit && at + byMs >= from)
          .filter((at) => !isDue(after, at + byMs)),
        ...(shift.from === null ? old.filter((at) => at + byMs <= now) : []),
      ].map((at) => new Date(at).toISOString());
    }
    case "weekdays":
      return WEEKDAYS.flatMap((weekday, day) => {
        const on = (times: readonly number[]) => times.filter((at) => new Date(at).getUTCDay() === day);
        const [olds, currents] = [on(old), on(current)];
        if (move.removed.includes(weekday)) return olds.length > 0 && currents.length === 0 ? [] : [weekday];
        if (move.added.includes(weekday)) return olds.length === 0 && currents.length > 0 ? [] : [weekday];
        return olds.join() === currents.join() ? [] : [weekday];
      });
    default:
      return assertNever(move);
  }
};

const anyNow = fc.integer({ min: 0, max: 7 * 1_440 }).map((minutes) => NOW + minutes * MINUTE);

test("what is said of two schedules is true of every minute", () => {
  let said = 0;
  fc.assert(
    fc.property(anyModel, anyModel, anyNow, (before, after, now) => {
      const move = scheduleMove(sideOf(specOf(before)), sideOf(specOf(after)), { now, timezone: "UTC" });
      if (move === null) return;
      said++;
      expect(lies(move, before, after, now)).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(said).toBeGreaterThan(0);
});

test("a schedule that is moved by minutes or hours is said to be", () => {
  const time = fc.record({ minute: fc.nat({ max: 59 }), hour: fc.nat({ max: 23 }) });
  fc.assert(
    fc.property(time, time, anyNow, (a, b, now) => {
      const byMs = ((b.hour - a.hour) * 60 + b.minute - a.minute) * MINUTE;
      fc.pre(byMs !== 0);
      const move = scheduleMove(sideOf(`${a.minute} ${a.hour} * * *`), sideOf(`${b.minute} ${b.hour} * * *`), {
        now,
        timezone: "UTC",
      });
      if (move?.kind !== "shifted") throw new Error(`it is ${move?.kind}`);
      const [shift] = move.shifts;
      expect(Math.abs(shift?.byMs ?? 0)).toBe(Math.min(Math.abs(byMs), DAY - Math.abs(byMs)));
    }),
    { numRuns: 300 },
  );
});
