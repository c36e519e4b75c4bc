import { describe, expect, test } from "bun:test";
import type { TopItem } from "../../../src/cli/top/data/shapes.ts";
import { type BookLine, bookLine } from "../../../src/cli/top/state/list/log-book.ts";
import { treeOf } from "../../../src/cli/top/state/list/task-tree.ts";
import type { TopState } from "../../../src/cli/top/state/state.ts";
import { update } from "../../../src/cli/top/state/update.ts";
import { watchedBy } from "../../../src/cli/top/state/watched.ts";
import {
  after,
  NOW,
  press,
  runDetail,
  runIdOf,
  screenText,
  topJob,
  topRun,
  topState,
  topTask,
} from "../../support/terminal/top-state.ts";

const TASKS = [
  topTask("extract"),
  topTask("transform", { depends_on: ["extract"], status: "failed", reason: "exit_code", error: "exit code 3" }),
  topTask("load", { depends_on: ["transform"], status: "skipped", reason: "upstream_failed", attempts: 0 }),
  topTask("audit", { depends_on: ["extract"] }),
  topTask("cleanup", { depends_on: ["load", "audit"], condition: "all_done" }),
];

const RUN = topRun(1, {
  status: "failed",
  error: "task 'transform' failed: exit code 3",
  failure: {
    task_id: "transform",
    item: null,
    attempt: 1,
    reason: "exit_code",
    exit_code: 3,
    signal: null,
    error: "exit code 3",
    cause: null,
    last_line: null,
  },
});

const opened = (state: TopState = topState({ jobs: [topJob("etl")], runs: [RUN] })): TopState =>
  after(press(state, "3", "enter").state, {
    kind: "run",
    data: { runId: RUN.id, detail: runDetail(RUN), tasks: TASKS, items: null },
  });

const line = (seq: number, fields: Partial<BookLine> = {}): BookLine => ({
  seq,
  taskId: "transform",
  item: null,
  itemKey: null,
  stream: "stdout",
  at: 0,
  text: `line ${seq}`,
  ...fields,
});

const lines = (from: number, to: number): readonly BookLine[] =>
  Array.from({ length: to - from + 1 }, (_, index) => line(from + index));

/** Returns the run with the log of its failed task. */
const withLog = (count: number, { before = 0, ended = false } = {}): TopState => {
  const state = opened();
  const target = state.log?.target;
  if (target === undefined) throw new Error("no log is shown");
  return after(state, {
    kind: "log-opened",
    target,
    page: { lines: lines(before + 1, before + count), before, ended },
  });
};

const targetOf = ({ log }: TopState) => log?.target ?? { runId: "", taskId: null, item: null, stderrOnly: false };

describe("a run", () => {
  test("shows its graph as a tree, with the failed task selected and its log", () => {
    const text = screenText(withLog(2, { ended: true }));
    expect(text[1]).toStartWith("─ Run 00000001 of etl ─");
    expect(text[3]).toBe(" task 'transform' failed: exit code 3");
    expect(text.slice(5, 10).map((row) => row.replace(/ {2,}/g, "  "))).toEqual([
      "  ✓ extract  1.0s",
      "› ├ ✗ transform  1.0s exit code 3",
      "  │ └ – load  1.0s upstream_failed",
      "  │  └ ✓ cleanup  1.0s also after audit",
      "  └ ✓ audit  1.0s",
    ]);
    expect(text[10]).toStartWith("─ Log of transform  2 lines  ended ─");
    expect(text[12]).toBe("  00:00:00 line 2");
  });

  test.each([
    [80, 24],
    [120, 40],
    [200, 50],
  ])("on a terminal of %d×%d shows all of the error of the selected task", (columns, rows) => {
    const error = `exit code 3: ${Array.from({ length: 80 }, (_, index) => `w${index}`).join(" ")}`;
    const failed = topTask("transform", { status: "failed", reason: "exit_code", error });
    const state = after(press(topState({ columns, rows, runs: [RUN] }), "3", "enter").state, {
      kind: "run",
      data: { runId: RUN.id, detail: runDetail(RUN), tasks: [failed], items: null },
    });
    expect(screenText(state).join("").replaceAll(" ", "")).toContain(error.replaceAll(" ", ""));
  });

  test("does not take a failure that the job allows for its reason", () => {
    const probe = topTask("probe", { status: "failed", allowed: true, reason: "exit_code", error: "exit code 1" });
    const detail = { ...runDetail(RUN), warnings: 1 };
    const state = after(press(topState({ runs: [RUN] }), "3", "enter").state, {
      kind: "run",
      data: { runId: RUN.id, detail, tasks: [probe, ...TASKS], items: null },
    });
    const text = screenText(state);
    expect(text[2]).toContain("6 of 6 tasks done, 1 failed, 1 warning");
    expect(text[5]).toContain("allowed: exit code 1");
    expect(watchedBy(state).log?.taskId).toBe("transform");
  });

  test("watches the log of the selected task", () => {
    expect(watchedBy(opened())).toEqual({
      jobId: null,
      runId: RUN.id,
      itemsOf: null,
      log: { runId: RUN.id, taskId: "transform", item: null, stderrOnly: false },
    });
    expect(watchedBy(press(opened(), "k").state).log?.taskId).toBe("extract");
    expect(watchedBy(press(opened(), "e").state).log?.stderrOnly).toBe(true);
    expect(watchedBy(press(opened(), "escape").state)).toEqual({ jobId: null, runId: null, itemsOf: null, log: null });
  });

  test("says when it was deleted, and goes back", () => {
    const gone = after(opened(), { kind: "gone", text: "the run was not found" });
    expect(gone.views).toHaveLength(1);
    expect(screenText(gone).at(-1)).toBe(" the run was not found");
  });
});

describe("a run with tasks on workers", () => {
  test("names the machine of each attempt, and what a task waits for", () => {
    const attempt = {
      attempt: 1,
      status: "completed" as const,
      reason: null,
      exit_code: 0,
      signal: null,
      started_at: NOW,
      ended_at: NOW,
      duration_ms: 0,
      child_run_id: null,
      worker: "box7",
      cause: null,
      usage: null,
      memory_limit_bytes: null,
      limits_enforced: null,
      notes: [],
    };
    const waits_for = { code: "worker" as const, labels: ["gpu"], type: null, connected: 0 };
    const tasks = [
      topTask("load", { attempt_list: [attempt] }),
      topTask("fit", { status: "pending", waits_for, started_at: null, ended_at: null, duration_ms: null }),
    ];
    const data = { runId: RUN.id, detail: runDetail(RUN), tasks, items: null };
    const text = screenText(after(opened(), { kind: "run", data }));
    expect(text.find((line) => line.includes("load"))).toContain("on box7");
    expect(text.find((line) => line.includes("fit"))).toContain("waits for a worker with gpu");
  });
});

describe("the items of a task", () => {
  const counts = { total: 2, pending: 0, running: 0, completed: 1, failed: 1, skipped: 0 };
  const convert = topTask("convert", { status: "failed", items: counts, error: "1 of 2 items failed" });
  const item = (index: number, fields: Partial<TopItem> = {}): TopItem => ({
    index,
    key: `web-${index}`,
    child_run_id: null,
    waits_for: null,
    waiting_for: null,
    usage: null,
    limits_enforced: null,
    value: `web-${index}`,
    status: "completed",
    reason: null,
    error: null,
    attempts: 1,
    started_at: NOW,
    ended_at: NOW + 2_000,
    duration_ms: 2_000,
    exit_code: 0,
    outputs: {},
    retry_at: null,
    reused: false,
    attempt_list: [],
    ...fields,
  });
  const items = [item(0), item(1, { status: "failed", attempts: 3, error: "exit code 7" })];
  const data = { runId: RUN.id, detail: runDetail(RUN), tasks: [convert, topTask("after")], items: null };
  const closed = after(
    press(topState({ runs: [RUN] }), "3", "enter").state,
    { kind: "run", data },
    { kind: "key", key: "g" },
  );
  const listed = after(press(closed, "i").state, {
    kind: "run",
    data: { ...data, items: { taskId: "convert", items } },
  });

  test("are loaded and listed below it, and hidden again", () => {
    expect(watchedBy(press(closed, "i").state).itemsOf).toBe("convert");
    const [first, second] = screenText(listed).filter((text) => text.includes("web-"));
    expect(first).toMatch(/· ✓ web-0 +2\.0s/);
    expect(second).toMatch(/· ✗ web-1 +2\.0s attempt 3 · exit code 7/);
    expect(screenText(press(listed, "i").state).join("\n")).not.toContain("web-");
  });

  test("have their own log, and can be filtered by key", () => {
    expect(watchedBy(press(listed, "j", "j").state).log).toMatchObject({ taskId: "convert", item: 1 });
    expect(screenText(press(listed, "j", "j").state).join("\n")).toContain("Log of convert web-1");
    const filtered = screenText(press(listed, "/", "w", "e", "b", "-", "1", "enter").state).join("\n");
    expect(filtered).toContain("web-1");
    expect(filtered).not.toContain("web-0");
  });

  test("are not listed of a task without any", () => {
    expect(watchedBy(press(closed, "j", "i").state).itemsOf).toBeNull();
  });
});

describe("a tree of tasks", () => {
  test("puts a task below the dependency that is furthest from the start", () => {
    const rows = treeOf(TASKS, null).map(({ task, branch, also }) => `${branch}${task.task_id} ${also.join()}`.trim());
    expect(rows).toEqual(["extract", "├ transform", "│ └ load", "│   └ cleanup audit", "└ audit"]);
  });

  test("has every task of a large graph once", () => {
    const tasks = Array.from({ length: 1_000 }, (_, index) =>
      topTask(`t${index}`, { depends_on: index < 3 ? [] : [`t${index - 1}`, `t${index - 3}`] }),
    );
    const rows = treeOf(tasks, null);
    expect(new Set(rows.map(({ task }) => task.task_id)).size).toBe(1_000);
    expect(rows).toHaveLength(1_000);
    expect(Math.max(...rows.map(({ branch }) => branch.length))).toBeLessThan(40);
  });
});

describe("a log", () => {
  test("follows its newest lines", () => {
    const state = withLog(100);
    const more = after(state, { kind: "log-lines", target: targetOf(state), lines: lines(101, 150), skipped: 0 });
    expect(screenText(more).at(-2)).toBe("  00:00:00 line 150");
  });

  test("stays where somebody has scrolled to, until the end", () => {
    const state = press(withLog(100), "l", "page-up").state;
    const first = screenText(state)[2];
    const more = after(state, { kind: "log-lines", target: targetOf(state), lines: lines(101, 150), skipped: 0 });
    expect(screenText(more)[2]).toBe(first ?? "");
    expect(screenText(more)[1]).toContain("150 lines  at ");
    expect(screenText(press(more, "G").state).at(-2)).toBe("  00:00:00 line 150");
  });

  test("loads earlier lines at its start", () => {
    const state = press(withLog(100, { before: 5_000 }), "l").state;
    const { state: asked, effects } = press(state, "g");
    expect(effects).toEqual([{ kind: "load-earlier", target: targetOf(state), beforeSeq: 5_001 }]);
    expect(press(asked, "k").effects).toEqual([]);
    const loaded = after(asked, { kind: "log-earlier", target: targetOf(state), lines: lines(4_001, 5_000) });
    expect(screenText(loaded)[2]).toBe("  00:00:00 line 5001");
    expect(screenText(press(loaded, "k").state)[2]).toBe("  00:00:00 line 5000");
  });

  test("ignores lines of another log, and lines that it has", () => {
    const state = withLog(10);
    const other = { ...targetOf(state), taskId: "extract" };
    expect(after(state, { kind: "log-lines", target: other, lines: lines(11, 20), skipped: 0 }).log).toEqual(state.log);
    const again = after(state, { kind: "log-lines", target: targetOf(state), lines: lines(5, 12), skipped: 0 });
    expect(again.log?.book?.lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test("is bounded in memory", () => {
    let state = withLog(1);
    for (let from = 2; from < 60_000; from += 1_000) {
      state = after(state, { kind: "log-lines", target: targetOf(state), lines: lines(from, from + 999), skipped: 0 });
    }
    expect(state.log?.book?.lines.length).toBe(20_000);
    expect(screenText(state).join("\n")).toContain("60001 lines");
    const long = Array.from({ length: 5_000 }, (_, index) => line(70_000 + index, { text: "x".repeat(2_000) }));
    const full = after(state, { kind: "log-lines", target: targetOf(state), lines: long, skipped: 0 });
    expect(full.log?.book?.characters).toBeLessThanOrEqual(4_000_000);
  });

  test("counts lines that were too many to read", () => {
    const state = withLog(10);
    const skipped = after(state, {
      kind: "log-lines",
      target: targetOf(state),
      lines: lines(1_011, 1_020),
      skipped: 1_000,
    });
    expect(screenText(skipped).join("\n")).toContain("1020 lines");
  });

  test("continues long lines in the next row, with wide characters, or cuts them", () => {
    const text = `Traceback ${"日本".repeat(30)} end`;
    const state = press(withLog(0), "l").state;
    const read = after(state, { kind: "log-lines", target: targetOf(state), lines: [line(1, { text })], skipped: 0 });
    expect(screenText(read).slice(2, 5)).toEqual([
      `  00:00:00 Traceback ${"日本".repeat(14)}日`,
      `           本${"日本".repeat(15)} end`,
      "",
    ]);
    const cut = screenText(press(read, "w").state);
    expect(cut[2]).toEndWith("…");
    expect(cut[3]).toBe("");
  });

  test("leaves out no line when it scrolls by pages through long lines", () => {
    const long = Array.from({ length: 200 }, (_, index) => {
      return line(index + 1, { text: `<${index + 1}> ${"x".repeat((index * 37) % 400)}` });
    });
    const state = press(withLog(0), "l").state;
    const read = after(state, { kind: "log-lines", target: targetOf(state), lines: long, skipped: 0 });
    const seen = new Set<string>();
    let now = press(read, "g").state;
    for (let page = 0; page < 100 && now.log?.follows === false; page++) {
      for (const [number] of screenText(now).join("\n").matchAll(/<\d+>/g)) seen.add(number);
      now = press(now, "page-down").state;
    }
    for (const [number] of screenText(now).join("\n").matchAll(/<\d+>/g)) seen.add(number);
    expect(seen.size).toBe(200);
    expect(screenText(now).join("\n")).toContain("<200>");
    const up = press(now, "page-up").state;
    expect(screenText(up).join("\n")).not.toContain("<200>");
  });

  test("shows the lines that contain the filter", () => {
    const { state } = press(withLog(100), "l", "/", "9", "9", "enter");
    expect(screenText(state)[1]).toContain("1 of 100 lines in memory match");
    expect(screenText(state)[2]).toBe("  00:00:00 line 99");
  });

  test("searches earlier lines too, as many as fit into memory", () => {
    const typed = press(withLog(100, { before: 5_000 }), "l", "/", "9");
    expect(typed.effects).toEqual([]);
    const { state, effects } = press(typed.state, "enter");
    const target = targetOf(state);
    expect(effects).toEqual([{ kind: "load-earlier", target, beforeSeq: 5_001 }]);
    const loaded = update(state, { kind: "log-earlier", target, lines: lines(4_001, 5_000) });
    expect(loaded.effects).toEqual([{ kind: "load-earlier", target, beforeSeq: 4_001 }]);
    const failed = update(loaded.state, { kind: "log-earlier", target, lines: [] });
    expect(failed.effects).toEqual([]);
  });

  test("names the task of each line if it is the log of a run", () => {
    const state = after(opened(), {
      kind: "run",
      data: { runId: RUN.id, detail: runDetail(RUN), tasks: [], items: null },
    });
    const target = { runId: RUN.id, taskId: null, item: null, stderrOnly: false };
    expect(watchedBy(state).log).toEqual(target);
    const read = after(state, {
      kind: "log-opened",
      target,
      page: { lines: [line(1), line(2, { item: 7 })], before: 0, ended: true },
    });
    expect(screenText(read).join("\n")).toContain("00:00:00 transform        line 1");
    expect(screenText(read).join("\n")).toContain("00:00:00 transform[7]     line 2");
  });

  test("names the items of a task", () => {
    const state = withLog(0);
    const read = after(state, {
      kind: "log-lines",
      target: targetOf(state),
      lines: [line(1, { item: 7 })],
      skipped: 0,
    });
    expect(screenText(read).join("\n")).toContain("00:00:00 [7] line 1");
  });

  test.each([
    ["\u001b[31mred\u001b[0m", "red"],
    ["50 %\r100 %", "100 %"],
    ["a\tb", "a    b"],
    ["\u001b]0;title\u0007text\u0007", "text "],
    ["x".repeat(3_000), `${"x".repeat(1_999)}…`],
  ])("makes %j safe for the screen", (text, expected) => {
    expect(bookLine({ seq: 1, task_id: "t", attempt: 1, stream: "stdout", at: 0, text }).text).toBe(expected);
  });
});

test("a job shows its history, and Enter opens a run", () => {
  const runs = [topRun(2), topRun(1)];
  const state = press(topState({ jobs: [topJob("etl")] }), "enter").state;
  expect(watchedBy(state).jobId).toBe("etl");
  expect(screenText(state)[1]).toStartWith("─ Job etl ─");
  const cursor = { ...state, job: null };
  expect(screenText(cursor).join("\n")).toContain("loading …");
  expect(runs.map(({ id }) => id)).toEqual([runIdOf(2), runIdOf(1)]);
});
