import { expect, test } from "bun:test";
import { MAX_UNFIRED } from "../../../../src/domain/inbox/unfired.ts";
import { notRunText } from "../../../../src/domain/words/inbox/unfired.ts";

const FACTS = {
  since: 0,
  count: 3,
  reason: "paused",
  reasons: [{ reason: "paused", count: 3 }],
  paused_by: null,
} as const;

test.each([
  [{ paused: "job", paused_by: "mara" } as const, "since T, 3 occurrences without a run: the job was paused by mara"],
  [{ paused: "scheduler" } as const, "since T, 3 occurrences without a run: the scheduler was paused"],
  [{}, "since T, 3 occurrences without a run: the scheduler or the job was paused"],
  [{ count: 3_744 }, "since T, 3,744 occurrences without a run: the scheduler or the job was paused"],
  [
    { count: MAX_UNFIRED },
    "since T or earlier, 100,000 occurrences or more without a run: the scheduler or the job was paused",
  ],
])("a job has not run: %o", (facts, expected) => {
  expect(notRunText({ ...FACTS, ...facts }, () => "T")).toBe(expected);
});
