import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dueFrom, MAX_DUE } from "../../../src/domain/schedule/due.ts";
import type { Schedule } from "../../../src/domain/schedule/schedule.ts";

/** Due at each multiple of a period, up to an end. */
const every = (
  periodMs: number,
  end = Number.POSITIVE_INFINITY,
): Pick<Schedule, "next"> & { readonly asked: () => number } => {
  let asked = 0;
  return {
    next: (after) => {
      asked++;
      const at = (Math.floor(after / periodMs) + 1) * periodMs;
      return at <= end ? at : null;
    },
    asked: () => asked,
  };
};

const due = (schedule: Pick<Schedule, "next">, first: number | null, now: number) =>
  dueFrom(schedule, first, now, (at) => at <= now);

describe("dueFrom", () => {
  test.each([
    [100, 99, [], 100],
    [100, 100, [100], 110],
    [100, 135, [100, 110, 120, 130], 140],
    [null, 135, [], null],
  ])("from %p up to %p is %p, then %p", (first, now, occurrences, next) => {
    expect(due(every(10), first, now)).toEqual({ occurrences, next });
  });

  test("ends with the schedule", () => {
    expect(due(every(10, 120), 100, 500)).toEqual({ occurrences: [100, 110, 120], next: null });
  });

  test("asks the caller what is due, because jitter delays occurrences", () => {
    expect(dueFrom(every(10), 100, 130, (at) => at + 15 <= 130)).toEqual({ occurrences: [100, 110], next: 120 });
  });

  test.each([1_000, 60_000])("of a year at %p ms keeps the newest, and asks little for it", (periodMs) => {
    const schedule = every(periodMs);
    const now = 365 * 24 * 3_600_000;
    const { occurrences, next } = due(schedule, periodMs, now);
    expect(occurrences).toHaveLength(MAX_DUE);
    expect(occurrences.at(-1)).toBe(now);
    expect(next).toBe(now + periodMs);
    expect(schedule.asked()).toBeLessThan(5 * MAX_DUE);
  });

  test("has no gap in what it keeps, also if the spacing changes", () => {
    // Each second during the first hour of a day, else each hour.
    const uneven: Pick<Schedule, "next"> = {
      next: (after) => {
        const inDay = (after + 1) % 86_400_000;
        return inDay < 3_600_000
          ? (Math.floor(after / 1_000) + 1) * 1_000
          : (Math.floor(after / 3_600_000) + 1) * 3_600_000;
      },
    };
    const now = 30 * 86_400_000 + 12 * 3_600_000;
    const { occurrences, next } = due(uneven, 1_000, now);
    expect(occurrences.length).toBeLessThanOrEqual(MAX_DUE);
    expect(occurrences.at(-1)).toBe(now);
    expect(next).toBe(now + 3_600_000);
    const kept = occurrences.slice(-2_000);
    for (let index = 1; index < kept.length; index++) expect(kept[index]).toBe(uneven.next(kept[index - 1] ?? 0) ?? -1);
  });

  test("keeps all occurrences of a short gap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(5_000), fc.nat(5_000), (periodMs, from, length) => {
        const first = every(periodMs).next(from) ?? 0;
        const { occurrences, next } = due(every(periodMs), first, from + length);
        const expected: number[] = [];
        for (let at = first; at <= from + length; at += periodMs) expected.push(at);
        expect(occurrences).toEqual(expected);
        expect(next).toBe(first + expected.length * periodMs);
      }),
    );
  });
});
