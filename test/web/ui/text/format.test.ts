import { expect, test } from "bun:test";
import {
  bothTimesText,
  capital,
  counted,
  durationText,
  roughText,
  wholeDaysText,
  zonedText,
} from "../../../../src/web/ui/text/format.ts";

const HOUR_MS = 3_600_000;

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [43, "43 ms"],
  [999.4, "999 ms"],
  [1_000, "1.0 s"],
  [1_240, "1.2 s"],
  [59_999, "59.9 s"],
  [60_000, "1m 00s"],
  [245_900, "4m 05s"],
  [HOUR_MS - 1, "59m 59s"],
  [2 * HOUR_MS + 180_000, "2h 03m"],
  [76 * HOUR_MS, "3d 04h"],
])("durationText of %d ms is %j", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [-1, "0 s"],
  [999, "0 s"],
  [59_999, "59 s"],
  [60_000, "1m 00s"],
  [HOUR_MS, "1h 00m"],
])("roughText of %d ms is %j", (ms, text) => {
  expect(roughText(ms)).toBe(text);
});

test("counted uses the plural for other counts than one", () => {
  expect([counted(0, "run"), counted(1, "run"), counted(2, "run")]).toEqual(["0 runs", "1 run", "2 runs"]);
});

test("a time of a schedule in another zone is named with the zone, and with the day if that differs", () => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const at = Date.UTC(2026, 0, 5, 12, 45);
  expect(zonedText(at, null)).toBeNull();
  expect(zonedText(at, here)).toBeNull();
  const shown = ["Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"].map((zone) => zonedText(at, zone) ?? "");
  expect(shown[0]).toMatch(/18:30 Asia\/Kathmandu$/);
  expect(shown.some((text) => /\d+.* \d\d:\d\d Pacific/.test(text))).toBe(true);
});

test("both times of a schedule in another zone are shown, and none if the zone is the reader's", () => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const at = Date.UTC(2026, 0, 5, 12, 45);
  const yours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  expect([bothTimesText(at, null), bothTimesText(at, here)]).toEqual([null, null]);
  expect(bothTimesText(at, "Asia/Kathmandu")).toBe(`18:30 Asia/Kathmandu, ${yours}\u00a0yours`);
});

test.each([
  ["the job is paused", "The job is paused"],
  ["max_concurrency is reached", "max_concurrency is reached"],
  ["petit is stopping", "petit is stopping"],
])("capitalizes %p as %p, and leaves names as they are", (text, expected) => {
  expect(capital(text)).toBe(expected);
});

test("wholeDaysText has days for a period of whole days in the zone, and nothing for another one", () => {
  const [from, to] = [Date.UTC(2026, 2, 7, 5), Date.UTC(2026, 2, 10, 4) - 1];
  // The clocks change on March 8.
  expect(wholeDaysText(from, to, "America/New_York")).toBe("Mar 7 – 9, 2026");
  expect(wholeDaysText(from, to, "UTC")).toBeNull();
  expect(wholeDaysText(from, to - 1, "America/New_York")).toBeNull();
});
