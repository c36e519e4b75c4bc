import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { durationText, roughText } from "../../../src/domain/words/duration.ts";
import { parseDuration } from "../../../src/lib/duration.ts";
import * as page from "../../../src/web/ui/text/format.ts";

const [MINUTE, HOUR] = [60_000, 3_600_000];

/** Returns a text of the page as the command line has it. */
const compact = (text: string): string =>
  text
    .replace(/(?<=\D|^)0(?=\d[a-z])/g, "")
    .replaceAll(" ", "")
    .replace(/(?<=[mhd])0[smh]$/, "");

describe("durationText", () => {
  test.each([
    [-5, "0ms"],
    [999.4, "999ms"],
    [1_000, "1.0s"],
    [9_990, "9.9s"],
    [59_999, "59.9s"],
    [MINUTE, "1m"],
    [90_500, "1m30s"],
    [HOUR - 1, "59m59s"],
    [2 * HOUR + 3 * MINUTE + 4_999, "2h3m"],
    [76 * HOUR + 59 * MINUTE, "3d4h"],
  ] as const)("of %p ms is %p", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test("rounds a duration of any length as the page does", () => {
    const lengths = fc.oneof(fc.nat({ max: 2 * MINUTE }), fc.nat({ max: 2 * HOUR }), fc.nat({ max: 10 ** 10 }));
    fc.assert(
      fc.property(lengths, (ms) => {
        expect(durationText(ms)).toBe(compact(page.durationText(ms)));
        expect(roughText(ms)).toBe(compact(page.roughText(ms)));
        expect(parseDuration(roughText(ms)) ?? Number.NaN).toBeLessThanOrEqual(ms);
      }),
    );
  });
});
