import { beforeAll, describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { parseJobId } from "../../../src/domain/ids.ts";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";
import { startsAtBoot } from "../../../src/domain/schedule/boot.ts";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

beforeAll(loadPatterns);

const ROOT = join(import.meta.dirname, "../../..");
const FILES = globSync(["examples/jobs/*.yaml", "test/fixtures/*/*.{yaml,yml}"], { cwd: ROOT }).map((file) => ({
  file,
  folder: join(ROOT, dirname(file)),
  text: readFileSync(join(ROOT, file), "utf8"),
}));

const TOKENS = [
  "",
  "\n",
  " ",
  "  ",
  ":",
  "- ",
  "[",
  "]",
  "{",
  "}",
  "&a ",
  "*a",
  "<<: *a",
  "!x ",
  "'",
  '"',
  "|",
  ">",
  "#",
  "---\n",
];
const VALUES = [
  "null",
  "0",
  "-1",
  "1e999",
  ".nan",
  "true",
  "5s",
  "''",
  "[]",
  "{}",
  "[[[]]]",
  "${{",
  "${{ params.x }}",
  "\0",
  "\t",
  "\ud800",
  "?",
  "% ",
];

/** A file in which a piece was replaced. */
const damaged = fc
  .record({
    file: fc.constantFrom(...FILES),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 30 }),
    piece: fc.oneof(fc.constantFrom(...TOKENS, ...VALUES), fc.string({ unit: "binary", maxLength: 5 })),
  })
  .map(({ file, at, length, piece }) => {
    const start = Math.floor(at * file.text.length);
    return { ...file, text: file.text.slice(0, start) + piece + file.text.slice(start + length) };
  });

describe("a damaged file", () => {
  test("yields problems with positions inside the file and never throws", () => {
    fc.assert(
      fc.property(damaged, (file) => {
        const lines = file.text.split("\n");
        for (const problem of readJobFile(file).problems) {
          expect(problem.message).not.toBe("");
          expect(lines[problem.line - 1]?.length ?? -1).toBeGreaterThanOrEqual(problem.column - 1);
          expect(formatProblem(problem)).not.toMatch(/\p{Cc}/u);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("yields only jobs that can run", () => {
    fc.assert(
      fc.property(damaged, (file) => {
        for (const job of readJobFile(file).jobs) {
          expect(parseJobId(job.id)).toBe(job.id);
          expect(job.tasks.length).toBeGreaterThan(0);
          expect(JSON.parse(JSON.stringify(job))).toEqual(job);
          const { schedule } = job;
          // No time is known for the next boot.
          if (schedule !== null && !startsAtBoot(schedule.expressions))
            expect(compileSchedule(schedule, "UTC").next(0)).not.toBeNull();
        }
      }),
      { numRuns: 500 },
    );
  });
});
