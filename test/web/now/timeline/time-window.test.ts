import { describe, expect, test } from "bun:test";
import { windowToQuery } from "../../../../src/web/now/timeline/queried-window.ts";
import {
  axisStepMs,
  axisTimes,
  panned,
  parseView,
  startOf,
  viewOfPeriod,
  viewProblem,
  writeView,
  ZOOMS,
  zoomed,
} from "../../../../src/web/now/timeline/time-window.ts";

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const [quarter, hour, sixHours, , week] = ZOOMS;

const read = (query: string) => parseView(new URLSearchParams(query));

describe("a URL with a time span that makes no sense", () => {
  test.each([
    ["", null],
    ["zoom=6h&from=1700000000000&show=trouble&tag=a", null],
    ["since=24h", null],
    ["since=friday&until=now", null],
    ["until=now", "Until needs a since."],
    ["since=tomorrow%20maybe", expect.stringContaining("Since is 'tomorrow maybe'; expected")],
    ["since=1h&until=2h", "Since is '1h', which is not before '2h'."],
    ["since=30d&until=", null],
    ["since=900d", "The period is longer than a year."],
    ["since=5s", "The period is shorter than a minute."],
    ["zoom=", "zoom is ''; expected one of 15m, 1h, 6h, 24h, 7d."],
    ["from=", expect.stringContaining("from is ''; expected a time")],
    ["from=-1", expect.stringContaining("from is '-1'")],
    ["to=5", "'to' is not known; did you mean 'until'?"],
  ])("%s is described", (query, problem) => {
    expect(viewProblem(new URLSearchParams(query), Date.UTC(2026, 0, 2, 12))).toEqual(problem);
  });
});

describe("the window of a timeline", () => {
  test.each([
    ["zoom=1h", "1h", null],
    ["zoom=7d&from=1800000000000", "7d", NOW],
    ["from=8600000000000000", "6h", 8_600_000_000_000_000],
    ["zoom=24h&from=-1", "24h", null],
    ["zoom=6h&from=8639999999999999", "6h", null],
  ])("is read from '%s'", (query, zoom, from) => {
    expect([read(query)?.zoom.name, read(query)?.from]).toEqual([zoom, from] as never);
  });

  test.each(["", "show=ran", "zoom=odd&from=odd", "from=-1", "from=8639999999999999"])(
    "is not chosen by '%s'",
    (query) => {
      expect(read(query)).toBeNull();
    },
  );

  test.each([
    ["since=-2d", 48 * HOUR, NOW - 48 * HOUR],
    ["since=2d&until=1d", 24 * HOUR, NOW - 48 * HOUR],
    ["since=2027-01-10T00:00Z&until=2027-01-11T06:00Z", 30 * HOUR, Date.UTC(2027, 0, 10)],
    ["since=90m&zoom=7d&from=5", 1.5 * HOUR, NOW - 1.5 * HOUR],
  ])("is a period by '%s'", (query, spanMs, from) => {
    const view = parseView(new URLSearchParams(query), NOW);
    expect([view?.zoom.spanMs, view?.from]).toEqual([spanMs, from]);
    // What the URL said stays until the view is moved.
    if (view === null) return;
    expect(writeView(new URLSearchParams(), view).get("since")).toBe(new URLSearchParams(query).get("since"));
    const later = writeView(new URLSearchParams(query), panned(view, HOUR, NOW));
    expect(parseView(later, NOW)?.from).toBe(from + HOUR);
    expect(later.has("zoom")).toBe(false);
  });

  test.each([
    ["", "", "Since is ''"],
    ["soon", "", "Since is 'soon'"],
    ["1h", "2h", "Since is '1h', which is not before '2h'"],
    ["500d", "", "longer than a year"],
    ["30s", "40ms", "shorter than a minute"],
  ])("is no period from '%s' until '%s'", (since, until, problem) => {
    expect(viewOfPeriod({ since, until }, NOW)).toEqual({ problem: expect.stringContaining(problem) });
  });

  test("is written so that it is read the same, and keeps other parameters", () => {
    const written = writeView(new URLSearchParams("show=ran&from=1"), { zoom: hour, from: NOW + 0.4 });
    expect(`${written}`).toBe(`show=ran&from=${NOW}&zoom=1h`);
    expect(`${writeView(written, { zoom: sixHours, from: null })}`).toBe("show=ran&zoom=6h");
  });

  test("follows the current time until it is moved", () => {
    const view = { zoom: hour, from: null };
    expect(NOW - startOf(view, NOW)).toBeCloseTo(0.78 * HOUR);
    const earlier = panned(view, -HOUR, NOW);
    expect(earlier.from).toBeCloseTo(NOW - 1.78 * HOUR);
    expect(panned({ zoom: hour, from: 5 }, -HOUR, NOW).from).toBe(0);
  });

  test("is zoomed around a time, and continues to follow the current time", () => {
    const time = NOW - HOUR;
    const view = { zoom: sixHours, from: time - 3 * HOUR };
    const nearer = zoomed(view, -1, { time, now: NOW });
    expect(nearer).toEqual({ zoom: hour, from: time - HOUR / 2 });
    expect(zoomed({ zoom: sixHours, from: null }, 1, { time, now: NOW }).from).toBeNull();
    expect(zoomed({ zoom: quarter, from: null }, -1, { time, now: NOW }).zoom).toBe(quarter);
    expect(zoomed({ zoom: week, from: null }, 1, { time, now: NOW }).zoom).toBe(week);
  });

  test("contains only valid dates, however far it is moved", () => {
    const { from } = panned({ zoom: week, from: 8_600_000_000_000_000 }, 1e15, NOW);
    const { to } = windowToQuery(from ?? 0, week.spanMs);
    expect(new Date(to).getTime()).toBe(to);
    expect(axisTimes(from ?? 0, to, 24 * HOUR).map((at) => new Date(at).getTime())).not.toContain(Number.NaN);
  });

  test("queries more than the view, and the same window for a while", () => {
    for (let at = 0; at < 50; at++) {
      const from = NOW + at * 123_456;
      const asked = windowToQuery(from, HOUR);
      expect(asked.from).toBeLessThanOrEqual(from);
      expect(asked.to).toBeGreaterThanOrEqual(from + HOUR);
    }
    const asked = Array.from({ length: 60 }, (_, minute) => windowToQuery(NOW + minute * 60_000, HOUR).from);
    expect(new Set(asked).size).toBeLessThanOrEqual(5);
  });

  test("has an axis with round local times and room for labels", () => {
    expect(axisStepMs(1000 / HOUR, 90)).toBe(10 * 60_000);
    expect(axisStepMs(1000 / week.spanMs, 90)).toBe(24 * HOUR);
    const times = axisTimes(NOW, NOW + 6 * HOUR, HOUR);
    expect(times.length).toBeGreaterThanOrEqual(6);
    for (const at of times) expect(new Date(at).getMinutes()).toBe(0);
    for (const at of axisTimes(NOW, NOW + week.spanMs, 24 * HOUR)) expect(new Date(at).getHours()).toBe(0);
  });
});
