import { describe, expect, test } from "bun:test";
import { expiredCopies, type Keep } from "../../../src/domain/backup/rotation.ts";
import { zoneOf } from "../../../src/domain/schedule/local-time.ts";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";

const DAY_MS = 86_400_000;
const TIMEZONE = "America/New_York";

type Copy = { readonly at: number };

const dayOf = (at: number): string => new Date(zoneOf(TIMEZONE).toWall(at)).toISOString().slice(0, 10);

/** Makes a backup at each occurrence of a year, and calls `look` after each rotation. */
const liveAYear = (keep: Keep, expression: string, look: (copies: readonly Copy[], now: number) => void) => {
  const schedule = compileSchedule({ expressions: [expression], timezone: null }, TIMEZONE);
  let copies: readonly Copy[] = [];
  const end = Date.UTC(2027, 5, 1);
  for (let now = schedule.next(Date.UTC(2026, 5, 1)); now !== null && now < end; now = schedule.next(now)) {
    copies = [...copies, { at: now }];
    const expired = new Set(expiredCopies(copies, { keep, now, timezone: TIMEZONE }));
    copies = copies.filter((copy) => !expired.has(copy));
    look(copies, now);
  }
  return copies;
};

describe("the rotation of copies", () => {
  test("has, over a year, each of the last 14 days, and one of each of the 8 weeks before", () => {
    let rotations = 0;
    liveAYear({ days: 14, weeks: 8 }, "30 3 * * *", (copies, now) => {
      rotations += 1;
      const days = copies.map(({ at }) => dayOf(at));
      expect(new Set(days).size).toBe(days.length);
      const age = Math.min(rotations, 14);
      for (let back = 0; back < age; back++) expect(days).toContain(dayOf(now - back * DAY_MS));
      if (rotations < 14 + 8 * 7) return;
      // A week can have begun before the oldest week that counts.
      expect([22, 23]).toContain(copies.length);
      const ages = copies.map(({ at }) => now - at).sort((a, b) => a - b);
      for (const [index, next] of ages.slice(1).entries()) expect(next - (ages[index] ?? 0)).toBeLessThan(8 * DAY_MS);
      // The hour of daylight saving.
      expect(ages.at(-1)).toBeGreaterThanOrEqual((14 + 7 * 7) * DAY_MS - 3_600_000);
    });
    expect(rotations).toBe(365);
  });

  test("keeps the newest of a day with several, once the day is over", () => {
    const copies = liveAYear({ days: 3, weeks: 0 }, "0 */6 * * *", () => {});
    const now = copies.at(-1)?.at ?? 0;
    const hours = copies.map(({ at }) => `${dayOf(at)} ${new Date(zoneOf(TIMEZONE).toWall(at)).getUTCHours()}`);
    expect(hours.filter((each) => !each.startsWith(dayOf(now)))).toEqual([
      `${dayOf(now - 2 * DAY_MS)} 18`,
      `${dayOf(now - DAY_MS)} 18`,
    ]);
  });

  const NOW = Date.UTC(2026, 5, 10, 12);
  const expired = (ages: readonly number[], keep: Keep) =>
    expiredCopies(
      ages.map((days) => ({ at: NOW - days * DAY_MS })),
      { keep, now: NOW, timezone: "UTC" },
    ).map(({ at }) => (NOW - at) / DAY_MS);

  test("never deletes the newest copy, however old it is", () => {
    expect(expired([400, 401], { days: 1, weeks: 0 })).toEqual([401]);
  });

  test("deletes none of the future, which a clock that was set back has", () => {
    expect(expired([-400, -3, -2, 0, 1], { days: 1, weeks: 0 })).toEqual([1]);
  });

  test("deletes nothing of an empty folder", () => {
    expect(expired([], { days: 14, weeks: 8 })).toEqual([]);
  });
});
