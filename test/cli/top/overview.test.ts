import { describe, expect, test } from "bun:test";
import { textWidth } from "../../../src/cli/terminal/text-width.ts";
import type { TopAttention, TopWorker } from "../../../src/cli/top/data/shapes.ts";
import type { InitialData } from "../../../src/cli/top/state/initial-state.ts";
import { subjectOf } from "../../../src/cli/top/state/list/lists.ts";
import { textOf } from "../../../src/cli/top/view/line.ts";
import { screenOf } from "../../../src/cli/top/view/screen.ts";
import { entryFields } from "../../support/attention-entry.ts";
import { measureCpu } from "../../support/cpu-time.ts";
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
} from "../../support/terminal/top-state.ts";

const FAILING: TopAttention = {
  ...entryFields("job_failing:etl"),
  kind: "job_failing",
  severity: "error",
  since: NOW - 7_200_000,
  message: "job 'etl' failed 3 times in a row: task 'transform' failed: exit code 3",
  job_id: "etl",
  run_id: runIdOf(7),
  recent_runs: 10,
  recent_failures: 3,
  failure: {
    task_id: "transform",
    item: null,
    attempt: 1,
    reason: "exit_code",
    exit_code: 3,
    signal: null,
    error: "exit code 3",
    cause: null,
    last_line: { seq: 9, stream: "stderr", text: "ConnectionError: refused" },
  },
  child_jobs: [],
  count: 3,
  flapping: false,
};

const BROKEN: TopAttention = {
  ...entryFields("job_file_broken:broken.yaml"),
  kind: "job_file_broken",
  severity: "error",
  since: NOW - 60_000,
  message: "job file is broken: broken.yaml:2:1: taks: unknown field",
  job_id: null,
  run_id: null,
  file: "broken.yaml",
  line: 2,
  column: 1,
  path: "taks",
  problem: "unknown field",
  problems: 1,
};

describe("the overview", () => {
  test("begins with what needs attention, with the line that explains it", () => {
    const lines = screenText(topState({ attention: [FAILING, BROKEN], jobs: [topJob("etl")] }));
    expect(lines[1]).toStartWith("─ 1 Needs attention 2 ─");
    expect(lines[2]).toBe("› ✗ etl         2h ago ×3 transform: exit code 3 │ ConnectionError: refused");
    expect(lines[3]).toBe("  ✗ broken.yaml 1m ago    2:1: taks: unknown field");
    expect(lines[4]).toStartWith("─ 2 Jobs 1  3 Runs 0 running  4 Coming 1 ─");
  });

  const KNOWN: TopAttention = {
    ...FAILING,
    ...entryFields("job_failing:copy"),
    job_id: "copy",
    acknowledged: { by: "mara", at: NOW, note: "the provider is down" },
    note: "the provider is down",
    owner: "mara",
  };

  test("counts what is acknowledged, and lists it on request or for a filter, with who has it and the note", () => {
    const state = topState({ attention: [BROKEN, KNOWN], jobs: [topJob("etl")] });
    expect(screenText(state)[1]).toStartWith("─ 1 Needs attention 1  1 acknowledged or snoozed, A lists it ─");
    expect(screenText(state).join("\n")).not.toContain("copy");
    const listed = press(state, "A").state;
    expect(screenText(listed)[1]).toStartWith("─ 1 Needs attention 2 ─");
    expect(screenText(listed)[3]).toContain("(acknowledged by mara; owner mara) ");
    expect(screenText(press(listed, "down").state).slice(-3, -1)).toEqual([
      "  transform: exit code 3 │ ConnectionError: refused",
      "  acknowledged by mara; owner mara; the provider is down",
    ]);
    const wide = press(topState({ columns: 200, rows: 50, attention: [KNOWN] }), "1", "A").state;
    expect(screenText(wide)[2]).toContain("(acknowledged by mara; owner mara; the provider is down) transform: e");
    expect(screenText(press(listed, "A").state)[1]).toContain("1 acknowledged or snoozed, A lists it");
    const filtered = press(state, "/", ..."provider", "enter").state;
    expect(screenText(filtered)[2]).toContain("copy");
    const other = press(topState({ attention: [KNOWN], jobs: [topJob("etl")] }), "1").state;
    expect(screenText(other)[1]).toStartWith(
      "─ 1 Nothing else needs attention  1 acknowledged or snoozed, A lists it ─",
    );
    expect(screenText(press(other, "A").state)[2]).toContain("copy");
  });

  test("shows below the lists who has the selected entry, its note, and what waits for it", () => {
    const snoozed = { by: "mara", at: NOW, until: NOW + 3_600_000 };
    const consequences = [{ reason: "gate" as const, job_id: "load", run_id: null, count: 2 }];
    const item: TopAttention = {
      ...FAILING,
      owner: "jo",
      note: "\u001b[31mcalled them",
      consequences,
      consequence_count: 1,
    };
    expect(screenText(topState({ attention: [item] })).slice(-3, -1)).toEqual([
      "  transform: exit code 3 │ ConnectionError: refused",
      "  therefore waiting: load; owner jo;  [31mcalled them",
    ]);
    const until = screenText(press(topState({ attention: [{ ...item, snoozed }] }), "1", "A").state).at(-3);
    expect(until).toMatch(/therefore waiting: load; snoozed by mara until [\w ]*\d\d:\d\d; owner jo/);
  });

  test("shows one line if nothing needs attention, and gives the jobs the keys", () => {
    const lines = screenText(topState({ jobs: [topJob("etl")] }));
    expect(lines[1]).toStartWith("─ 1 Nothing needs attention ─");
    expect(lines[3]).toStartWith("› · etl");
  });

  const LONG = `cp: cannot stat '/srv/${"long/path/".repeat(12)}orders.csv': No such file or directory`;
  const failingWith = (id: string, text: string): typeof FAILING => ({
    ...FAILING,
    ...entryFields(`job_failing:${id}`),
    job_id: id,
    failure: { ...FAILING.failure, last_line: { seq: 9, stream: "stderr", text } },
  });

  test.each([
    [80, 24],
    [160, 50],
  ])("on a terminal of %d×%d keeps the end of an error, and shows all of the selected one", (columns, rows) => {
    const state = topState({ columns, rows, attention: [failingWith("etl", LONG), failingWith("copy", LONG)] });
    const lines = screenText(state).map((line) => line.split("│")[0]?.trim() ?? "");
    expect(lines.filter((line) => /^(› )?✗ .*…/.test(line) && line.endsWith("or directory"))).toHaveLength(2);
    expect(lines.slice(-4, -1).join(" ").replaceAll(/\s+/g, "")).toContain(
      "/long/path/orders.csv':Nosuchfileordirectory",
    );
  });

  test.each([
    [80, 24],
    [120, 40],
    [200, 50],
  ])("on a terminal of %d×%d shows all of the longest cause", (columns, rows) => {
    const words = Array.from({ length: 100 }, (_, index) => `w${String(index).padStart(3, "0")}`).join(" ");
    const whole = `transform: exit code 3 │ ${words}`.replaceAll(" ", "");
    const attention = topState({ columns, rows, attention: [failingWith("etl", words)] });
    expect(screenText(attention).join("").replaceAll(" ", "")).toContain(whole);
    const { failure } = failingWith("etl", words);
    const runs = [topRun(1, { status: "failed", failure })];
    expect(
      screenText(press(topState({ columns, rows, runs }), "3").state)
        .join("")
        .replaceAll(" ", ""),
    ).toContain(whole);
  });

  test("says how many rows of each list it hides", () => {
    const attention = Array.from({ length: 20 }, (_, at) => failingWith(`e${at}`, "x"));
    const jobs = Array.from({ length: 50 }, (_, at) => topJob(`j${at}`));
    const state = topState({ attention, jobs });
    expect(screenText(state).find((line) => line.includes("Needs attention"))).toMatch(/20 {2}14 below ─/);
    expect(screenText(state).find((line) => line.includes("2 Jobs"))).toMatch(/Coming 50 {2}\d+ below ─/);
    const end = press(state, "end").state;
    expect(screenText(end).find((line) => line.includes("Needs attention"))).toMatch(/20 {2}14 above ─/);
  });

  test("says that an older petit does not report what needs attention", () => {
    expect(screenText(topState({ attention: null }))[1]).toContain("this petit does not report it");
  });

  test("shows the message of a kind that it does not know", () => {
    const unknown = { ...BROKEN, kind: "worker_lost", message: "worker 'a' is away" } as unknown as TopAttention;
    expect(screenText(topState({ attention: [unknown] }))[2]).toEndWith("worker 'a' is away");
  });

  test("opens the failed task of a failing job with Enter", () => {
    const { state } = press(topState({ attention: [FAILING] }), "enter");
    expect(state.views.at(-1)).toEqual({ kind: "run", jobId: "etl", runId: runIdOf(7) });
    expect(state.cursors.tasks?.key).toBe("transform");
  });

  test("shows the whole message of a broken file with Enter", () => {
    const { state } = press(topState({ attention: [FAILING, BROKEN] }), "j", "enter");
    expect(screenText(state).join("\n")).toContain("broken.yaml:2:1: taks: unknown field");
  });

  test("shows the panels side by side on a wide terminal", () => {
    const lines = screenText(topState({ columns: 160, rows: 50, jobs: [topJob("etl")], runs: [topRun(1)] }));
    expect(lines[1]).toMatch(/^─ 1 Nothing needs attention ─+│─ 3 Runs 0 running ─+$/);
    expect(lines.find((line) => line.includes("4 Coming 1"))).toBeDefined();
  });

  test.each([
    [40, 10],
    [80, 24],
    [100, 30],
    [120, 40],
    [160, 50],
  ])("fills a terminal of %d×%d exactly, with wide characters", (columns, rows) => {
    const jobs = ["日本語の仕事", "👩‍💻-emoji", "x".repeat(300)].map((id) => topJob(id, { name: `${id} 名前` }));
    const runs = jobs.map(({ id }, index) =>
      topRun(index, { job_id: id, status: "failed", error: "失敗 ✗".repeat(40) }),
    );
    const state = topState({ columns, rows, jobs, runs, attention: [FAILING, BROKEN] });
    for (const key of ["1", "2", "3", "4", "?", "/"]) {
      const lines = screenOf(press(state, key).state);
      expect(lines).toHaveLength(rows);
      expect(lines.filter((line) => textWidth(textOf(line)) !== columns)).toEqual([]);
    }
  });

  test("says so if the terminal is too small", () => {
    expect(screenText(topState({ columns: 39, rows: 24 }))[0]).toBe("the terminal has 39×24; petit top need…");
    expect(screenText(after(topState(), { kind: "resized", columns: 60, rows: 9 }))[0]).toContain("60×9");
  });

  test("shows that the connection is lost, for how long, and why", () => {
    const lost = after(
      topState(),
      { kind: "disconnected", at: NOW, message: "no petit answers" },
      { kind: "tick", at: NOW + 12_000 },
    );
    expect(screenText(lost)[0]).toBe(
      " CONNECTION LOST for 12s: no petit answers; connecting again. State of 12:00:00.",
    );
    expect(screenText(after(lost, { kind: "connected" }))[0]).toStartWith(" petit 0.1.0 on machine");
  });

  test("uses the clock of petit's machine", () => {
    const state = topState({ at: NOW - 3_600_000 });
    expect(screenText(state)[0]).toContain("12:00:00");
    expect(screenText(after(state, { kind: "tick", at: NOW - 3_599_000 }))[0]).toContain("12:00:01");
  });
});

describe("the workers", () => {
  const worker = (name: string, rest: Partial<TopWorker> = {}): TopWorker => ({
    name,
    state: "connected",
    refused: null,
    allowed_types: null,
    limits: null,
    draining: false,
    labels: ["gpu"],
    slots: 2,
    slots_used: 0,
    version: "0.1.0",
    protocol: 1,
    address: "",
    first_seen_at: NOW - 60_000,
    last_contact_at: NOW - 2_000,
    unreachable_since: null,
    clock_difference_ms: 0,
    running: [],
    ...rest,
  });
  const attempt = { run_id: runIdOf(7), job_id: "train", task_id: "fit", item: 3, attempt: 1, claimed_at: NOW };
  const NATS = { url: "nats://nats:4222", connected: true, since: 1, error: null };
  const withWorkers = (workers: TopWorker[], rest: Partial<InitialData> = {}) =>
    topState({ workers: { workers, count: workers.length, waiting: [], nats: NATS }, jobs: [topJob("etl")], ...rest });
  const WORKERS = [
    worker("box7", { slots_used: 2, running: [attempt, { ...attempt, item: 4 }] }),
    worker("box8", { draining: true, labels: ["oracle"] }),
    worker("db1", { state: "unreachable", last_contact_at: NOW - 480_000, unreachable_since: NOW - 480_000 }),
  ];

  test("have a panel, with state, slots, last contact and what runs on each", () => {
    const { state } = press(withWorkers(WORKERS), "5");
    expect(screenText(state).slice(2, 6)).toEqual([
      expect.stringMatching(/^─ 2 Jobs 1 {2}3 Runs 0 running {2}4 Coming 1 {2}5 Workers 3 ─+$/),
      "› box7 connected       2/2     2s ago  fit[3] of train (00000007) and 1 more",
      "  box8 draining        0/2     2s ago  -",
      "  db1  unreachable     0/2     8m ago  -",
    ]);
    expect(screenText(press(state, "enter").state).join("\n")).toContain("Run 00000007 of train");
    expect(screenText(press(state, "j", "enter").state)).toEqual(screenText(press(state, "j").state));
    expect(screenText(press(state, "/", "o", "r", "a").state)[3]).toStartWith("› box8");
    expect(screenText(press(state, "tab").state)[1]).toStartWith("─ 1 Nothing");
  });

  test("are below the coming occurrences on a wide terminal", () => {
    const lines = screenText(withWorkers(WORKERS, { columns: 160, rows: 40 }));
    expect(lines.slice(35, 38).map((line) => line.slice(93))).toEqual([
      expect.stringMatching(/^─ 5 Workers 3 ─+$/),
      "  box7 connected       2/2     2s ago  fit[3] of train (00000007) …",
      "  box8 draining        0/2     2s ago  -",
    ]);
  });

  test("have no panel in a petit without them, and one that is empty until the first connects", () => {
    const without = press(topState(), "5").state;
    expect(screenText(without).at(-1)).toBe(" this petit runs without workers; 'petit workers' says how to add one");
    expect(screenText(without).join("\n")).not.toContain("Workers");
    const empty = press(withWorkers([]), "5").state;
    expect(screenText(empty)[3]).toBe("  no worker has connected yet; 'petit workers' says how to start one");
    const gone = after(empty, { kind: "workers", workers: null });
    expect(screenText(gone)[2]).toMatch(/^─ 2 Jobs 1 {2}3 Runs 0 running {2}4 Coming 1 ─+$/);
  });

  test.each([40, 80, 120])("fill a terminal of %d columns exactly, with long names", (columns) => {
    const long = worker("box".repeat(40), { state: "refused", refused: "protocol", running: [attempt] });
    for (const line of screenOf(press(withWorkers([long], { columns }), "5").state))
      expect(textWidth(textOf(line))).toBe(columns);
  });
});

test("a run that waits, and one that has waited for too long, name the queue or limit that they wait for", () => {
  const waits_for = { code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 } as const;
  const run = topRun(1, { status: "pending", started_at: null, ended_at: null, duration_ms: null, waits_for });
  const late: TopAttention = {
    ...entryFields("run_late:etl:slot"),
    kind: "run_late",
    severity: "warning",
    since: NOW - 1_200_000,
    message: "",
    job_id: "etl",
    run_id: run.id,
    cause: "slot",
    count: 1,
    waited_ms: 1_200_000,
    waits_for,
  };
  const state = topState({ columns: 160, rows: 50, runs: [run], attention: [late] });
  const place = "for a place in queue 'db' (1 of 1 is taken)";
  expect(screenText(state)[2]).toContain(`has waited 20m ${place}`);
  expect(screenText(press(state, "3").state).join("\n")).toContain(`waits ${place.slice(0, 24)}`);
  const data = { runId: run.id, detail: runDetail(run), tasks: [], items: null };
  const opened = after(press(state, "3", "enter").state, { kind: "run", data });
  expect(screenText(opened)[3]).toBe(` waits ${place}`);
  expect(screenText(opened)[2]).toContain("created 10s ago");
});

test("a run in a narrow panel shows why it failed instead of its status", () => {
  const runs = [topRun(1, { status: "failed", error: "task 'transform' failed: exit code 3" })];
  const lines = screenText(topState({ columns: 120, rows: 40, runs }));
  expect(lines[2]).toContain("│  ✗ etl");
  expect(lines[2]).toContain("task 'transf");
});

describe("a list", () => {
  const jobs = Array.from({ length: 100 }, (_, index) => topJob(`job-${String(index).padStart(3, "0")}`));

  test("scrolls with the selection", () => {
    const { state } = press(topState({ jobs }), "G");
    expect(screenText(state).at(-2)).toStartWith("› · job-099");
    expect(screenText(press(state, "g").state)[3]).toStartWith("› · job-000");
    expect(subjectOf(press(state, "k", "k").state).jobId).toBe("job-097");
  });

  test("keeps an item selected when the list changes, and then the one in its place", () => {
    const { state } = press(topState({ jobs }), "j", "j");
    const grown = after(state, { kind: "jobs", jobs: [topJob("a"), ...jobs] });
    expect(subjectOf(grown).jobId).toBe("job-002");
    const shrunk = after(grown, { kind: "jobs", jobs: jobs.filter(({ id }) => id !== "job-002") });
    expect(subjectOf(shrunk).jobId).toBe("job-004");
  });

  test("shows what contains the filter while it is typed, and all after Esc", () => {
    const typed = press(topState({ jobs }), "/", "0", "9", "9").state;
    expect(screenText(typed)[2]).toStartWith("─ 2 Jobs 1/100");
    expect(screenText(typed).at(-1)).toStartWith(" /099▏");
    const kept = press(typed, "enter").state;
    expect(subjectOf(kept).jobId).toBe("job-099");
    expect(screenText(press(kept, "escape").state)[2]).toStartWith("─ 2 Jobs 100 ");
  });

  test("does not take a pasted text for keys", () => {
    const pasted = after(topState({ jobs }), { kind: "paste", text: "t\ry" });
    expect(pasted.overlay).toBeNull();
    expect(after(press(topState({ jobs }), "/").state, { kind: "paste", text: "04\n2" }).filters.jobs).toBe("042");
  });

  test("says what the unfinished runs of a job do, also of one that has never run before", () => {
    const pending = { id: runIdOf(9), status: "pending", started_at: null, ended_at: null, duration_ms: null } as const;
    const counts = { running: 0, pending: 1, executing: 0 };
    const lines = screenText(
      topState({
        jobs: [
          topJob("a", { ...counts, last_run: pending, waiting: { queue: 1 } }),
          topJob("b", { ...counts, last_run: pending, waiting: { gates: 1 } }),
          topJob("c", { running: 1, pending: 2, executing: 1, last_run: pending, waiting: { queue: 2 } }),
          topJob("d", { running: 1, pending: 0, executing: 0, waiting: { approval: 1 } }),
        ],
        columns: 110,
      }),
    );
    const row = (id: string) => lines.find((line) => line.match(/^[› ] . (\w) /)?.[1] === id) ?? "";
    expect(row("a")).toMatch(/^. \S a .* waits for a slot /);
    expect(row("b")).toMatch(/^. \S b .* waits for its gates /);
    expect(row("c")).toMatch(/^. ● c .* 1 running, 2 waiting for a slot /);
    expect(row("d")).toMatch(/^. \S d .* waits for approval /);
  });

  test("sorts failed jobs to the top", () => {
    const failed = topJob("zebra", {
      last_run: { id: runIdOf(1), status: "failed", started_at: NOW, ended_at: NOW, duration_ms: 0 },
    });
    const { state } = press(topState({ jobs: [...jobs, failed] }), "s");
    expect(screenText(state)[3]).toStartWith("› ✗ zebra");
  });

  test("goes on with 10,000 jobs within a frame", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => topJob(`job-${index}`));
    let state = topState({ jobs: many });
    // What others do on the machine does not count.
    const cpuMs = measureCpu();
    for (let seq = 0; seq < 20; seq++) {
      state = after(state, {
        kind: "events",
        events: [{ type: "run.started", seq, at: NOW, job_id: `job-${seq}`, run_id: runIdOf(seq) }],
      });
      screenOf(state);
    }
    expect(cpuMs() / 20).toBeLessThan(50);
    expect(state.jobs[19]?.running).toBe(1);
  });
});

describe("the mouse", () => {
  const state = topState({ jobs: [topJob("a"), topJob("b"), topJob("c")] });
  const mouse = (kind: "press" | "wheel-down", x: number, y: number, isDouble = false) =>
    ({ kind: "mouse", event: { kind, x, y }, isDouble }) as const;

  test("selects with a click, and opens with a double click", () => {
    expect(subjectOf(after(state, mouse("press", 5, 4))).jobId).toBe("b");
    expect(after(state, mouse("press", 5, 4, true)).views.at(-1)).toEqual({ kind: "job", jobId: "b" });
  });

  test("changes the tab with a click on its title", () => {
    expect(after(state, mouse("press", 14, 2)).panel).toBe("runs");
  });

  test("scrolls with the wheel", () => {
    expect(subjectOf(after(state, mouse("wheel-down", 5, 4))).jobId).toBe("c");
  });

  test("does nothing where nothing is", () => {
    expect(after(state, mouse("press", 5, 20)).cursors.jobs?.index).toBe(0);
    expect(after(state, mouse("press", 5, 0))).toBe(state);
  });
});

test("the header names the commit in use, and an empty list the repository", () => {
  const { system } = topState();
  const commit = { id: "3f9a1c2044556677889900aabbccddeeff001122", author: "Ada", committed_at: 0, subject: "more" };
  const job_repository = {
    url: "https://git/jobs.git",
    ref: "main",
    path: ".",
    commit,
    head: commit,
    pinned: null,
    refused: null,
    failure: null,
    checked_at: null,
  };
  const headOf = (change: Partial<typeof job_repository> | { readonly pinned: string }): string =>
    screenText(topState({ system: { ...system, job_repository: { ...job_repository, ...change } } }))[0] ?? "";
  expect(headOf({})).toContain("0 running  commit 3f9a1c20 ");
  expect(headOf({ pinned: commit.id })).toContain("commit 3f9a1c20, chosen ");
  expect(screenText(topState())[0]).not.toContain("commit");
  const empty = screenText(topState({ system: { ...system, job_repository: { ...job_repository, commit: null } } }));
  expect(empty[0]).toContain("no commit yet");
  expect(empty.join("\n")).toContain("no jobs in https://git/jobs.git: no commit of main yet");
});
