import { expect, test } from "bun:test";
import type { Consequence } from "../../../../src/domain/inbox/consequence.ts";
import { consequencesText } from "../../../../src/domain/words/inbox/consequence.ts";

const of = (reason: Consequence["reason"], job_id: string, count = 1) => ({
  reason,
  job_id,
  run_id: reason === "overlap" || reason === "gate" ? null : "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  count,
});

test.each([
  ["nothing", [], undefined, ""],
  ["occurrences of its own job", [of("overlap", "etl", 14)], undefined, "14 occurrences skipped meanwhile"],
  ["one run of its own job", [of("limit", "etl")], undefined, "1 more run waits"],
  ["its own late run", [of("late", "etl")], undefined, "late"],
  [
    "its own job and others, each once",
    [of("overlap", "etl", 3), of("limit", "a", 2), of("gate", "a"), of("gate", "b")],
    undefined,
    "3 occurrences skipped meanwhile; therefore waiting: a, b",
  ],
  [
    "more jobs than are named or listed",
    [of("gate", "a"), of("gate", "b"), of("gate", "c"), of("gate", "d")],
    30,
    "therefore waiting: a, b, c and 27 more",
  ],
])("names %s", (_name, consequences, count, expected) => {
  expect(
    consequencesText({ job_id: "etl", consequences, ...(count !== undefined && { consequence_count: count }) }),
  ).toBe(expected);
});
