import { describe, expect, test } from "bun:test";
import {
  type ExcerptSource,
  excerptText,
  readExcerpts,
  type TailQuery,
} from "../../../src/cli/run-display/error-excerpt.ts";
import type { TaskView } from "../../../src/cli/run-display/view.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";

const screenOf = (columns: number, isTerminal = true): Screen => {
  const abilities = { isTerminal, color: false, movesCursor: isTerminal };
  return { ...abilities, write: () => {}, columns: () => columns, rows: () => 24 };
};

const failedAt = (id: string, endedAt: number): TaskView => ({
  id,
  status: "failed",
  reason: "exit_code",
  error: "exit code 1",
  attempts: 2,
  startedAt: 1_000,
  endedAt,
  retryAt: null,
  reused: false,
  childRunId: null,
  runsJob: false,
  allowed: false,
});

const sourceOf = (readTail: ExcerptSource["readTail"], items: readonly number[] = []): ExcerptSource => ({
  findCause: async () => null,
  readTail,
  listFailures: async () => [],
  listFailedItems: async (_, limit) => items.slice(0, limit).map((index) => ({ index, attempts: 1 })),
});

describe("the excerpt of a failed run", () => {
  test("has the last lines of the last attempt of the tasks that failed first", async () => {
    const asked: TailQuery[] = [];
    const tasks = [
      failedAt("d", 40),
      failedAt("b", 20),
      { ...failedAt("ok", 1), allowed: true },
      { ...failedAt("x", 5), status: "completed" as const },
    ];
    const excerpts = await readExcerpts(
      [...tasks, failedAt("a", 10), failedAt("c", 30)],
      sourceOf(async (query) => {
        asked.push(query);
        return [`of ${query.taskId}`];
      }),
    );
    expect(excerpts.map(({ name, lines }) => `${name}: ${lines}`)).toEqual(["a: of a", "b: of b", "c: of c"]);
    expect(asked[0]).toEqual({ taskId: "a", item: null, attempt: 2, stream: "stderr", limit: 4 });
    expect(excerptText(excerpts, 4, screenOf(80))).toBe(
      "  a │ of a\n  b │ of b\n  c │ of c\n  … and 1 more failed task\n",
    );
  });

  test("has the last lines of stdout if the task wrote nothing to stderr", async () => {
    const readTail = async ({ stream }: TailQuery) => (stream === "stderr" ? [] : ["out"]);
    expect(await readExcerpts([failedAt("a", 10)], sourceOf(readTail))).toEqual([{ name: "a", lines: ["out"] }]);
  });

  test("reads nothing of a task that was never started", async () => {
    const readTail = () => Promise.reject(new Error("unexpected"));
    expect(await readExcerpts([{ ...failedAt("a", 10), attempts: 0 }], sourceOf(readTail))).toEqual([]);
  });

  test("has the lines of the items that failed", async () => {
    const source = sourceOf(async ({ item }) => [`of item ${item}`], [3, 5, 8, 9]);
    expect(await readExcerpts([{ ...failedAt("a", 10), attempts: 0 }, failedAt("b", 20)], source)).toEqual([
      { name: "a[3]", lines: ["of item 3"] },
      { name: "a[5]", lines: ["of item 5"] },
      { name: "a[8]", lines: ["of item 8"] },
    ]);
  });

  test("has the causes of several failed items, and those of a single one with its key", async () => {
    const group = (text: string, ...keys: readonly string[]) => ({
      text,
      kind: "line" as const,
      count: keys.length,
      items: keys.map((key) => ({ key })),
    });
    const tasks = [{ ...failedAt("a", 10), attempts: 0 }, failedAt("b", 20)];
    const groups = [group("connection refused", "x", "y"), group("no space left", "z")];
    const source = { ...sourceOf(async () => ["last"]), listFailures: async () => groups };
    expect(await readExcerpts(tasks, source)).toEqual([
      { name: "a", lines: ["2 × connection refused: x, y", "1 × no space left: z"] },
      { name: "b", lines: ["last"] },
    ]);
    const single = {
      ...source,
      listFailures: async () => [group("no space left", "z")],
      listFailedItems: async () => [{ index: 4, key: "z\n", attempts: 1 }],
    };
    expect(await readExcerpts(tasks.slice(0, 1), single)).toEqual([{ name: "a[z ]", lines: ["last"] }]);
  });

  test("fits the terminal, and has neither escape sequences nor empty lines around it", () => {
    const lines = ["", "\u001b[31mred\u001b[0m", "", "tab\there\u0007", `long ${"x".repeat(80)}`, " "];
    const text = excerptText([{ name: "a_long_name_of_a_task", lines }], 1, screenOf(40));
    const name = "a_long…a_task".slice(0, 13);
    expect(text.split("\n")).toEqual([
      `  ${name} │ red`,
      `  ${name} │`,
      `  ${name} │ tab here`,
      `  ${name} │ long ${"x".repeat(17)}`,
      ...[22, 22, 19].map((count) => `  ${" ".repeat(13)} │ ${"x".repeat(count)}`),
      "",
    ]);
    expect(excerptText([{ name: "t", lines }], 1, screenOf(40, false))).toContain("x".repeat(80));
  });

  test("is empty without lines", () => {
    expect(excerptText([{ name: "t", lines: ["", "  "] }], 2, screenOf(80))).toBe("");
  });
});
