import { describe, expect, test } from "bun:test";
import { excerptText, readExcerpts, type TailQuery } from "../../../src/cli/run-display/error-excerpt.ts";
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
});

describe("the excerpt of a failed run", () => {
  test("has the last lines of the last attempt of the tasks that failed first", async () => {
    const asked: TailQuery[] = [];
    const tasks = [failedAt("d", 40), failedAt("b", 20), { ...failedAt("x", 5), status: "completed" as const }];
    const excerpts = await readExcerpts([...tasks, failedAt("a", 10), failedAt("c", 30)], async (query) => {
      asked.push(query);
      return [`of ${query.taskId}`];
    });
    expect(excerpts.map(({ taskId, lines }) => `${taskId}: ${lines}`)).toEqual(["a: of a", "b: of b", "c: of c"]);
    expect(asked[0]).toEqual({ taskId: "a", attempt: 2, stream: "stderr", limit: 4 });
    expect(excerptText(excerpts, 4, screenOf(80))).toBe(
      "  a │ of a\n  b │ of b\n  c │ of c\n  … and 1 more failed task\n",
    );
  });

  test("has the last lines of stdout if the task wrote nothing to stderr", async () => {
    const readTail = async ({ stream }: TailQuery) => (stream === "stderr" ? [] : ["out"]);
    expect(await readExcerpts([failedAt("a", 10)], readTail)).toEqual([{ taskId: "a", lines: ["out"] }]);
  });

  test("reads nothing of a task that was never started", async () => {
    const readTail = () => Promise.reject(new Error("unexpected"));
    expect(await readExcerpts([{ ...failedAt("a", 10), attempts: 0 }], readTail)).toEqual([{ taskId: "a", lines: [] }]);
  });

  test("fits the terminal, and has neither escape sequences nor empty lines around it", () => {
    const lines = ["", "\u001b[31mred\u001b[0m", "", "tab\there\u0007", `long ${"x".repeat(80)}`, " "];
    const text = excerptText([{ taskId: "a_long_name_of_a_task", lines }], 1, screenOf(40));
    const name = "a_long…a_task".slice(0, 13);
    expect(text.split("\n")).toEqual([
      `  ${name} │ red`,
      `  ${name} │`,
      `  ${name} │ tab here`,
      `  ${name} │ long ${"x".repeat(16)}…`,
      "",
    ]);
    expect(excerptText([{ taskId: "t", lines }], 1, screenOf(40, false))).toContain("x".repeat(80));
  });

  test("is empty without lines", () => {
    expect(excerptText([{ taskId: "t", lines: ["", "  "] }], 2, screenOf(80))).toBe("");
  });
});
