import { describe, expect, test } from "bun:test";
import { Cron } from "croner";
import fc from "fast-check";
import { parseExpression } from "../../../src/domain/schedule/expression.ts";
import { compileWallPattern } from "../../../src/domain/schedule/wall-pattern.ts";

const number = (min: number, max: number) => fc.integer({ min, max }).map(String);

/** Parts of a field: a number, a range, and both with a step. */
const part = (min: number, max: number, last: number) =>
  fc.oneof(
    number(min, max),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.option(fc.integer({ min: 1, max: 5 })))
      .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}${step === null ? "" : `/${step}`}`),
    fc
      .tuple(fc.constantFrom("*", String(min)), fc.integer({ min: 1, max: last - min + 1 }))
      .map((words) => words.join("/")),
  );

const field = (min: number, max: number, last = max) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant("*") },
    {
      weight: 3,
      arbitrary: fc.array(part(min, max, last), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(",")),
    },
  );

const expressions = fc
  .tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7, 6))
  .map((fields) => fields.join(" "));

/** From 1960 to 2100, in ms. */
const walls = fc.integer({ min: -315_619_200_000, max: 4_102_444_800_000 });

const patternOf = (text: string): string => {
  const expression = parseExpression(text);
  if (expression.kind !== "cron") throw new Error(JSON.stringify(expression));
  return expression.pattern;
};

const nextByCroner = (pattern: string, wall: number): number | null =>
  new Cron(pattern, { mode: "6-part", utcOffset: 0, paused: true }).nextRun(new Date(wall))?.getTime() ?? null;

describe("compileWallPattern", () => {
  test("finds the same times as croner", () => {
    fc.assert(
      fc.property(expressions, walls, (text, wall) => {
        const pattern = patternOf(text);
        const next = compileWallPattern(pattern);
        let at: number | null = wall;
        for (let count = 0; count < 3 && at !== null; count++) {
          const expected = nextByCroner(pattern, at);
          expect([pattern, at, next?.(at)]).toEqual([pattern, at, expected]);
          at = expected;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  const at = (text: string): number => Date.parse(`${text}Z`);
  test.each([
    ["0 0 12 29 2 *", "2096-02-29T12:00:00", "2104-02-29T12:00:00"],
    ["0 0 12 29 2 +1", "2024-03-01T00:00:00", "2044-02-29T12:00:00"],
    ["0 0 0 13 * 5", "2026-02-01T00:00:00", "2026-02-06T00:00:00"],
    ["0 0 0 13 * +5", "2026-02-01T00:00:00", "2026-02-13T00:00:00"],
    ["59 59 23 31 12 *", "2026-12-31T23:59:58.999", "2026-12-31T23:59:59"],
    ["59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"],
    ["0 0 0 * * 7", "2026-11-27T00:00:00", "2026-11-29T00:00:00"],
    ["* * * * * *", "2026-11-27T00:00:00.001", "2026-11-27T00:00:01"],
  ])("finds the time of %s after %s", (pattern, from, expected) => {
    expect(compileWallPattern(pattern)?.(at(from))).toBe(at(expected));
  });

  test("returns null if no date matches", () => {
    for (const pattern of ["0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *", "0 0 0 30 2 +1"])
      expect(compileWallPattern(pattern)?.(0)).toBeNull();
  });

  test.each(["0 0 0 L * *", "0 0 0 LW * *", "0 0 0 15W * *", "0 0 0 * * 5L", "0 0 0 * * 1#2"])(
    "does not compile %s",
    (pattern) => {
      expect(compileWallPattern(pattern)).toBeNull();
    },
  );
});
