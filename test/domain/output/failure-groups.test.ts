import { describe, expect, test } from "bun:test";
import {
  groupFailures,
  type ItemFailure,
  MAX_GROUPED_ITEMS,
  MAX_GROUPS,
} from "../../../src/domain/output/failure-groups.ts";
import type { FailureCause } from "../../../src/domain/task-run.ts";
import { failureGroupText } from "../../../src/domain/words/failure.ts";

const cause = (text: string, seq = 1): FailureCause => ({ seq, stream: "stderr", text, context: [], child: null });

const failed = (index: number, key: string, given: Partial<ItemFailure> = {}): ItemFailure => ({
  index,
  key,
  value: key,
  reason: "exit_code",
  error: "exit code 1",
  cause: null,
  ...given,
});

describe("failed items", () => {
  test("are grouped by their lines without numbers and ids, the largest group first", () => {
    const groups = groupFailures([
      failed(0, "db-1", { cause: cause("disk full", 3) }),
      failed(2, "web-3", { cause: cause("10.0.0.3:80: connection refused after 31 ms", 7) }),
      failed(6, "web-7", { cause: cause("10.0.0.7:80: connection refused after 2 ms", 9) }),
    ]);
    expect(groups).toEqual([
      {
        text: "10.0.0.3:80: connection refused after 31 ms",
        kind: "line",
        count: 2,
        items: [
          { index: 2, key: "web-3", seq: 7 },
          { index: 6, key: "web-7", seq: 9 },
        ],
      },
      { text: "disk full", kind: "line", count: 1, items: [{ index: 0, key: "db-1", seq: 3 }] },
    ]);
  });

  test("are one group if their lines differ in their key or in a value only", () => {
    const lines = ["linux", "darwin"].map((os, index) =>
      failed(index, `os=${os}`, { value: { os, deep: [os] }, cause: cause(`error: no package for ${os} (os=${os})`) }),
    );
    expect(groupFailures(lines)).toMatchObject([{ count: 2, text: "error: no package for linux (os=linux)" }]);
    expect(
      groupFailures([failed(0, "a", { cause: cause("a bad day") }), failed(1, "b", { cause: cause("bad") })]),
    ).toHaveLength(2);
  });

  test("have their error without a line, and those that petit ended because of others come last", () => {
    const groups = groupFailures([
      ...["a", "b", "c"].map((key, index) => failed(index, key, { reason: "cancelled", error: "cancelled" })),
      failed(3, "d", { reason: "timeout", error: "timed out after 5s" }),
      failed(4, "e", { error: "exit code 2" }),
    ]);
    expect(groups.map(({ text, kind, count }) => [text, kind, count])).toEqual([
      ["timed out after 5s", "error", 1],
      ["exit code 2", "error", 1],
      ["cancelled", "error", 3],
    ]);
  });

  test("have no number of a line that a child run wrote", () => {
    const child = { runId: "r", jobId: "j", taskId: null, item: null } as never;
    expect(groupFailures([failed(0, "a", { cause: { ...cause("gone"), child } })])[0]?.items[0]?.seq).toBeNull();
  });

  test("are listed within bounds", () => {
    const words = ["alpha", "beta", "gamma", "delta", "epsilon"];
    const texts = words.flatMap((one) => words.map((two) => `${one} ${two}`));
    const all = texts.flatMap((text, group) =>
      Array.from({ length: 12 }, (_, item) =>
        failed(group * 12 + item, `k${item}`, { cause: cause(text.repeat(100)) }),
      ),
    );
    const groups = groupFailures(all);
    expect(groups).toHaveLength(MAX_GROUPS);
    expect(groups[0]).toMatchObject({ count: 12 });
    expect(groups[0]?.items).toHaveLength(MAX_GROUPED_ITEMS);
    expect(groups.every(({ text }) => text.length <= 500)).toBe(true);
  });

  test("are told with their count first, and at most five keys", () => {
    const groupOf = (count: number) =>
      groupFailures(
        Array.from({ length: count }, (_, index) => failed(index, `web-${index}`, { cause: cause("refused") })),
      );
    expect(groupOf(2).map(failureGroupText)).toEqual(["2 × refused: web-0, web-1"]);
    expect(groupOf(30).map(failureGroupText)).toEqual([
      "30 × refused: web-0, web-1, web-2, web-3, web-4, … and 25 more",
    ]);
  });
});
