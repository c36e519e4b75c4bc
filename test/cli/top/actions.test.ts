import { describe, expect, test } from "bun:test";
import { DEFINITION_EXAMPLE } from "../../../src/api/shapes/definition/definition.ts";
import type { TopAttention, TopJobDetail } from "../../../src/cli/top/data/shapes.ts";
import type { Effect } from "../../../src/cli/top/state/message.ts";
import type { TopState } from "../../../src/cli/top/state/state.ts";
import { entryFields } from "../../support/attention-entry.ts";
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

const run = (status: "running" | "failed" | "completed") =>
  topRun(1, status === "running" ? { status, ended_at: null, duration_ms: null } : { status });

const atRun = (status: "running" | "failed" | "completed"): TopState =>
  press(topState({ jobs: [topJob("etl")], runs: [run(status)] }), "3").state;

describe("an action", () => {
  test("z asks how to handle the selected entry, and takes back what is handled", () => {
    const item = {
      ...entryFields("nats_unreachable:petit"),
      kind: "nats_unreachable",
      severity: "error",
      message: "petit does not reach NATS",
      since: NOW,
      job_id: null,
      run_id: null,
      url: "nats://nats:4222",
      error: null,
    } satisfies TopAttention;
    const listed = topState({ attention: [item] });
    const asked = screenText(press(listed, "z").state).join("\n");
    expect(asked).toMatch(/Acknowledge or snooze\?[\s\S]*petit does not reach NATS[\s\S]*Everybody sees it/);
    const effect = (action: object) => [{ kind: "act", action: { entryId: item.id, ...action } }];
    expect(press(listed, "z", "a").effects as object[]).toEqual(effect({ kind: "acknowledge" }));
    expect(press(listed, "z", "h").effects as object[]).toEqual(effect({ kind: "snooze", forMs: 3_600_000 }));
    expect(press(listed, "z", "d").effects as object[]).toEqual(effect({ kind: "snooze", forMs: 86_400_000 }));
    expect(press(listed, "z", "c").effects as object[]).toEqual(effect({ kind: "snooze", forMs: null }));
    for (const key of ["enter", "escape", "n"] as const) expect(press(listed, "z", key).effects).toEqual([]);
    const handled = { ...item, acknowledged: { by: "mara", at: NOW, note: null } };
    const shown = press(topState({ attention: [handled] }), "1", "A", "z").state;
    expect(screenText(shown).join("\n")).toContain("Take it back?");
    expect(press(shown, "y").effects as object[]).toEqual(effect({ kind: "unhandle" }));
    expect(press(topState({ attention: [handled] }), "1", "z").effects).toEqual([]);
    expect(press(topState({ jobs: [topJob("etl")] }), "z").effects).toEqual([]);
  });

  test("asks before it triggers a job, and does nothing with Esc", () => {
    const asked = press(topState({ jobs: [topJob("etl")] }), "t");
    expect(asked.effects).toEqual([]);
    expect(screenText(asked.state).join("\n")).toContain("Run etl now?");
    expect(press(asked.state, "escape")).toMatchObject({ effects: [], state: { overlay: null } });
    expect(press(asked.state, "y").effects).toEqual([
      { kind: "act", action: { kind: "trigger", jobId: "etl", params: {} } },
    ]);
  });

  test.each([["t"], ["r"], ["c"], ["p"], ["P"], ["R"]])("does nothing with Enter right after %s", (key) => {
    const listed = topState({ jobs: [topJob("etl")], runs: [run(key === "c" ? "running" : "failed")] });
    const asked = press(press(listed, "rRc".includes(key) ? "3" : "2").state, key);
    expect(asked.state.overlay).toMatchObject({ kind: "confirm" });
    expect(screenText(asked.state).join("\n")).toContain("n/Enter/Esc do nothing");
    expect(press(asked.state, "enter")).toMatchObject({ effects: [], state: { overlay: null } });
  });

  test("ignores keys that are no answer", () => {
    const asked = press(topState({ jobs: [topJob("etl")] }), "t").state;
    expect(press(asked, "x", "j", "t")).toMatchObject({ effects: [], state: { overlay: { kind: "confirm" } } });
  });

  test("shows the run that it started", () => {
    const done = after(topState(), { kind: "done", text: "started", run: { jobId: "etl", runId: runIdOf(5) } });
    expect(done.views.at(-1)).toMatchObject({ kind: "run", runId: runIdOf(5) });
    expect(screenText(done).at(-1)).toBe(" started");
    expect(screenText(after(done, { kind: "tick", at: NOW + 6_000 })).at(-1)).toContain("? help");
  });

  test("cancels a run that has not ended", () => {
    expect(press(atRun("running"), "c", "y").effects).toEqual([
      { kind: "act", action: { kind: "cancel", runId: runIdOf(1) } },
    ]);
    expect(screenText(press(atRun("failed"), "c").state).at(-1)).toContain(
      "the newest run of etl has ended: it is failed",
    );
  });

  test("retries a run that has ended, what did not complete or all", () => {
    const effect = (kind: "rest" | "all"): readonly Effect[] => [
      { kind: "act", action: { kind: "retry", runId: runIdOf(1), scope: { kind } } },
    ];
    expect(press(atRun("failed"), "r", "y").effects).toEqual(effect("rest"));
    expect(press(atRun("failed"), "r", "a").effects).toEqual(effect("all"));
    expect(press(atRun("completed"), "r", "a").effects).toEqual(effect("all"));
    expect(screenText(press(atRun("running"), "r").state).at(-1)).toContain("has not ended");
  });

  test("retries the selected task, alone or with all after it", () => {
    const run = topRun(1, { status: "failed" });
    const data = { runId: run.id, detail: runDetail(run), tasks: [topTask("load")], items: null };
    const state = after(press(topState({ runs: [run] }), "3", "enter").state, { kind: "run", data });
    const asked = press(state, "r").state;
    const text = screenText(asked).join("\n");
    for (const choice of ["y retry", "a all tasks again", "t only load", "f from load on", "n/Enter/Esc do nothing"])
      expect(text).toContain(choice);
    const effect = (kind: "task" | "from"): readonly Effect[] => [
      { kind: "act", action: { kind: "retry", runId: run.id, scope: { kind, taskId: "load" } } },
    ];
    expect(press(asked, "t").effects).toEqual(effect("task"));
    expect(press(asked, "f").effects).toEqual(effect("from"));
  });

  test("approves or rejects a task that waits, in the list of what needs attention and in its run", () => {
    const run = topRun(1, { status: "running", ended_at: null });
    const item = {
      ...entryFields("approval_needed:check"),
      kind: "approval_needed",
      severity: "warning",
      message: "",
      since: NOW,
      job_id: "etl",
      run_id: run.id,
      task_id: "check",
      task_name: "Go live",
      prompt: "Deploy?",
      params: { region: "eu", version: "7" },
      differing_params: ["region"],
    } satisfies TopAttention;
    const listed = topState({ runs: [run], attention: [item] });
    expect(screenText(press(listed, "a").state).join("\n")).toMatch(
      new RegExp(
        `Approve Go live \\(check\\) of etl\\?[\\s\\S]*Run ${run.id.slice(-8)} \\(region=eu version=7\\)[\\s\\S]*Deploy\\?`,
      ),
    );
    expect(screenText(listed).at(-1)).toContain("a approve  x reject");
    const effect = (kind: "approve" | "reject", comment: string): readonly Effect[] => [
      { kind: "act", action: { kind, runId: run.id, taskId: "check", comment } },
    ];
    const typed = press(listed, "a", "o", "k", " ");
    expect(screenText(typed.state).join("\n")).toMatch(/› comment\s+ok ▏/);
    expect(press(typed.state, "enter").effects).toEqual(effect("approve", "ok"));
    expect(press(listed, "x", "escape").effects).toEqual([]);
    const refused = after(press(listed, "a", "enter", "enter").state, { kind: "failed", text: "it has ended" });
    expect(screenText(refused).join("\n")).toContain("it has ended");
    const check = topTask("check", {
      status: "running",
      type: "approval",
      approval: { prompt: null, expires_at: null, on_timeout: "reject" },
    });
    const data = { runId: run.id, detail: runDetail(run), tasks: [topTask("build"), check], items: null };
    const opened = after(press(listed, "3", "enter").state, { kind: "run", data });
    expect(screenText(press(opened, "a").state).join("\n")).toContain("Approve check of etl?");
    expect(press(opened, "x", "enter").effects).toEqual([]);
    expect(press(opened, "x", "enter", "enter").effects).toEqual(effect("reject", ""));
    expect(screenText(press(atRun("failed"), "3", "enter", "a").state).at(-1)).toContain(
      "no task here waits for approval",
    );
  });

  test("pauses the schedules, and resumes them while they are paused", () => {
    const state = topState();
    expect(press(state, "P", "y").effects).toEqual([{ kind: "act", action: { kind: "pause", jobId: null } }]);
    const paused = topState({
      system: { ...state.system, scheduler: { ...state.system.scheduler, state: "paused", is_paused: true } },
    });
    expect(screenText(paused)[0]).toContain("SCHEDULES PAUSED");
    expect(press(paused, "P", "y").effects).toEqual([{ kind: "act", action: { kind: "resume", jobId: null } }]);
  });

  test("pauses one job, and resumes it while it is paused", () => {
    expect(press(topState({ jobs: [topJob("etl")] }), "p", "y").effects).toEqual([
      { kind: "act", action: { kind: "pause", jobId: "etl" } },
    ]);
    const paused = topState({ jobs: [topJob("etl", { paused: true })] });
    expect(screenText(paused)[3]).toEndWith(" paused");
    expect(press(paused, "p", "y").effects).toEqual([{ kind: "act", action: { kind: "resume", jobId: "etl" } }]);
  });

  test("shows why it failed", () => {
    const failed = after(topState(), { kind: "failed", text: "too many runs" });
    expect(screenText(failed).at(-1)).toBe(" too many runs");
  });
});

describe("the dialog with params", () => {
  const param = {
    description: "Where to write",
    default: null,
    required: true,
    enum: null,
    pattern: null,
    secret: false,
  };
  const job = topJob("backup", { has_params: true, needs_params: true });
  const detail: TopJobDetail = {
    ...job,
    version: 1,
    digest: "0".repeat(64),
    changed_at: null,
    formerly: [],
    ...DEFINITION_EXAMPLE,
    tasks: [],
    depends_on: [],
    dependents: [],
    notify: [],
    on_overlap: "skip",
    catchup: null,
    params: { target: param, level: { ...param, default: "full", required: false, enum: ["full", "part"] } },
  };
  const opened = after(topState({ jobs: [job] }), { kind: "params", detail });

  test("opens for a job that has params", () => {
    expect(press(topState({ jobs: [job] }), "t").effects).toEqual([{ kind: "load-params", jobId: "backup" }]);
    expect(screenText(opened).join("\n")).toContain("Run backup with these params?");
  });

  test("triggers the job with what was typed, and the defaults", () => {
    const { state, effects } = press(opened, "/", "s", "x", "backspace", "r", "v", "enter", "enter");
    expect(effects).toEqual([
      { kind: "act", action: { kind: "trigger", jobId: "backup", params: { target: "/srv", level: "full" } } },
    ]);
    expect(state.overlay).toMatchObject({ isBusy: true });
  });

  test("is not submitted by the Enter after the key that opened it", () => {
    const params = { only: { ...param, default: "prod", required: false } };
    const one = after(topState({ jobs: [job] }), { kind: "params", detail: { ...detail, params } });
    expect(screenText(one).join("\n")).toContain("Enter Enter run");
    const entered = press(one, "enter");
    expect(entered).toMatchObject({ effects: [], state: { overlay: { kind: "form", isBusy: false } } });
    expect(press(entered.state, "enter").effects).toEqual([
      { kind: "act", action: { kind: "trigger", jobId: "backup", params: { only: "prod" } } },
    ]);
  });

  test("requires what the job requires", () => {
    const { state, effects } = press(opened, "down", "enter");
    expect(effects).toEqual([]);
    expect(screenText(state).join("\n")).toContain("target is required");
  });

  test("stays open with the refusal of petit", () => {
    const refused = after(press(opened, "x", "enter", "enter").state, { kind: "failed", text: "level: expected full" });
    expect(refused.overlay).toMatchObject({ kind: "form", isBusy: false, error: "level: expected full" });
  });
});

describe("the help", () => {
  test("lists the keys, and searches them", () => {
    const help = press(topState(), "?").state;
    expect(screenText(help).join("\n")).toContain("Cancel the run; asks for confirmation");
    const found = screenText(press(help, "r", "e", "t", "r", "y").state);
    expect(found.join("\n")).toContain("Retry the run");
    expect(found.join("\n")).not.toContain("Cancel the run");
    expect(press(help, "escape").state.overlay).toBeNull();
  });

  test("quits with q and with Ctrl-C, also from a dialog", () => {
    expect(press(topState(), "q").effects).toEqual([{ kind: "quit" }]);
    expect(press(topState(), "?", "ctrl-c").effects).toEqual([{ kind: "quit" }]);
  });
});
