import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteSearch } from "../../../src/engine/secrets/byte-search.ts";

/** Returns for each position whether any pattern covers it, by comparing at every position. */
const coveredNaively = (text: Buffer, patterns: readonly Buffer[]): readonly boolean[] => {
  const covered = new Array<boolean>(text.length).fill(false);
  for (const pattern of patterns)
    for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1))
      covered.fill(true, at, at + pattern.length);
  return covered;
};

test("the search finds what comparing at every position finds", () => {
  const word = (min: number, max: number) =>
    fc
      .array(fc.constantFrom("a", "b", "ä"), { minLength: min, maxLength: max })
      .map((parts) => Buffer.from(parts.join("")));
  fc.assert(
    fc.property(word(0, 60), fc.array(word(2, 40), { minLength: 1, maxLength: 8 }), (text, patterns) => {
      const covered = new Array<boolean>(text.length).fill(false);
      for (const { from, to } of new ByteSearch(patterns).find(text)) covered.fill(true, from, to);
      expect(covered).toEqual([...coveredNaively(text, patterns)]);
    }),
    { numRuns: 2_000 },
  );
});
