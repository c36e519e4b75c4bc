import { describe, expect, test } from "bun:test";
import { shortLocal } from "../../../src/cli/terminal/local-time.ts";
import { roughlyText } from "../../../src/domain/words/duration.ts";

/** A Friday in UTC. */
const NOW = Date.parse("2026-03-06T22:30:00Z");

describe("a short time", () => {
  test.each([
    ["2026-03-06T23:00:00Z", "23:00"],
    ["2026-03-06T22:30:05Z", "22:30:05"],
    ["2026-03-07T01:15:00Z", "Sat 01:15"],
    ["2026-03-12T23:59:00Z", "Thu 23:59"],
    ["2026-03-13T01:15:00Z", "Mar 13 01:15"],
    ["2026-03-05T01:15:00Z", "Mar 5 01:15"],
    ["2028-02-29T00:00:00Z", "2028-02-29 00:00"],
  ])("of %s leaves out what is evident: %s", (at, expected) => {
    expect(shortLocal(Date.parse(at), { now: NOW, zone: "UTC", home: "UTC" })).toBe(expected);
  });

  test("names its zone where that has another time than the reader's", () => {
    const at = Date.parse("2026-03-06T23:30:00Z");
    const options = { now: NOW, home: "UTC" };
    expect(shortLocal(at, { ...options, zone: "Europe/Paris" })).toBe("Sat 00:30 GMT+1");
    expect(shortLocal(at, { ...options, zone: "Africa/Abidjan" })).toBe("23:30");
  });
});

test.each([
  [-1, "now"],
  [-59_999, "59s ago"],
  [-72_000, "1m ago"],
  [3_599_999, "in 59m"],
  [-86_399_999, "23h ago"],
  [200_000_000, "in 2d"],
])("a rough distance of %d ms has one unit: %s", (distanceMs, expected) => {
  expect(roughlyText(distanceMs)).toBe(expected);
});
