import { describe, expect, test } from "bun:test";
import { scaleOf, ticksOf } from "../../../src/web/run/gantt/gantt-scale.ts";

const timesOf = (span: number, maxTicks: number): readonly number[] =>
  ticksOf(scaleOf(1_000, 1_000 + span), maxTicks).map(({ afterMs }) => afterMs);

describe("the ticks of a time axis", () => {
  test.each([
    [1_000, 6, [0, 200, 400, 600, 800, 1_000]],
    [1_500, 2, [0, 1_000]],
    [450, 2, [0, 200]],
    [499, 2, [0, 200]],
    [4_999, 2, [0, 2_000]],
    [450, 1, [0]],
    [0, 2, [0, 5, 10]],
    [10 * 86_400_000, 2, [0, 5 * 86_400_000, 10 * 86_400_000]],
  ])("of %d ms with room for %d are at %j", (span, maxTicks, expected) => {
    expect(timesOf(span, maxTicks)).toEqual(expected);
  });

  test("have room for two labels between two of them, and there are at least two", () => {
    for (let span = 10; span < 200_000; span = Math.ceil(span * 1.03))
      for (const maxTicks of [2, 3, 4, 5, 6]) {
        const ticks = ticksOf(scaleOf(0, span), maxTicks);
        expect(ticks.length).toBeGreaterThan(1);
        const [, { at: apart } = { at: 0 }] = ticks;
        expect(apart).toBeGreaterThanOrEqual(ticks.length === 2 ? 0.4 : 1 / maxTicks);
      }
  });
});
