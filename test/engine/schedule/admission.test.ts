import { describe, expect, test } from "bun:test";
import type { Dependency } from "../../../src/domain/dependency.ts";
import type { PetitError } from "../../../src/domain/errors.ts";
import { command, job, jobId, param, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";

const MINUTE = 60_000;

/** Returns the code and the message of a refusal. */
const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "not refused";
  } catch (error) {
    const { code, message } = error as PetitError;
    return `${code}: ${message}`;
  }
};

const gated = (condition: Dependency["condition"], windowMs: number | null = null): Dependency => ({
  jobId: jobId("upstream"),
  condition,
  windowMs,
});

describe("a manual trigger", () => {
  test("of an unknown job is refused with a suggestion", async () => {
    await using petit = await startEngine({ jobs: [job("hello_world")] });
    expect(await refusal(petit.trigger("hello_wrld"))).toBe(
      "not_found: job 'hello_wrld' was not found; did you mean 'hello_world'?",
    );
    expect(await refusal(petit.trigger("../etc/passwd"))).toBe("not_found: job '../etc/passwd' was not found");
    expect(petit.store.runs.list({ limit: 10 })).toEqual([]);
  });

  test("of a disabled job works", async () => {
    await using petit = await startEngine({ jobs: [job("off", { enabled: false })] });
    expect((await petit.run("off")).run.status).toBe("completed");
  });

  test.each([
    ["an unknown param", { dya: "x" }, "unknown param 'dya'; did you mean 'day'?"],
    ["a value that is not in the list", { level: "slow" }, "param 'level' can't be 'slow'; expected one of fast, full"],
    ["a value that does not match", { level: "fast", day: "monday" }, "param 'day' can't be 'monday'"],
    ["a required one that is missing", {}, "param 'level' is required; expected one of fast, full"],
  ])("with %s is refused", async (_, params, message) => {
    const params_ = {
      level: param({ enum: ["fast", "full"], required: true }),
      day: param({ default: "2026-01-01", pattern: "^\\d{4}-\\d\\d-\\d\\d$" }),
    };
    await using petit = await startEngine({ jobs: [job("picky", { params: params_ })] });
    expect(await refusal(petit.trigger("picky", { params: params as Record<string, string> }))).toContain(
      `invalid_request: ${message}`,
    );
    expect(petit.store.runs.list({ limit: 10 })).toEqual([]);
  });

  test("stores its params with the run, including defaults", async () => {
    const params = { a: param({ default: "1" }), b: param(), c: param() };
    await using petit = await startEngine({ jobs: [job("with", { params })] });
    expect((await petit.run("with", { b: "2" })).run.params).toEqual({ a: "1", b: "2" });
  });

  test("at the job's limit is refused, and accepted when a run has ended", async () => {
    using door = gate();
    await using petit = await startEngine({
      jobs: [job("two", { maxConcurrency: 2, tasks: [shell("t", door.wait)] })],
    });
    const runs = [await petit.trigger("two"), await petit.trigger("two")];
    expect(await refusal(petit.trigger("two"))).toBe("limit_reached: max concurrent runs exceeded: 'two' has 2 of 2");
    door.open(3);
    await Promise.all(runs.map(({ id }) => petit.ended(id)));
    expect((await petit.run("two")).run.status).toBe("completed");
  });

  test("at the global limit is refused", async () => {
    using door = gate();
    const jobs = [job("slow", { tasks: [shell("t", door.wait)] }), job("other")];
    await using petit = await startEngine({ jobs, settings: { maxJobs: 1 } });
    const run = await petit.trigger("slow");
    expect(await refusal(petit.trigger("other"))).toBe(
      "limit_reached: max concurrent runs exceeded: all 1 slots for runs (--max-jobs) are taken",
    );
    door.open();
    await petit.ended(run.id);
    expect((await petit.run("other")).run.status).toBe("completed");
  });

  test("counts concurrent triggers", async () => {
    using door = gate();
    await using petit = await startEngine({
      jobs: [job("two", { maxConcurrency: 2, tasks: [shell("t", door.wait)] })],
    });
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => petit.trigger("two")));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected", "rejected"]);
    expect(petit.engine.counts).toEqual({ pending: 0, running: 2 });
    expect(petit.store.runs.list({ limit: 10 })).toHaveLength(2);
    door.open(2);
  });

  test("checks dependencies first, then the job's limit, then the global limit", async () => {
    using door = gate();
    const slow = { maxConcurrency: 1, tasks: [shell("t", door.wait)] };
    const jobs = [job("upstream"), job("slow", slow), job("shut", { ...slow, dependsOn: [gated("last_success")] })];
    await using petit = await startEngine({ jobs, settings: { maxJobs: 1 } });
    await petit.trigger("slow");
    expect(await refusal(petit.trigger("shut"))).toStartWith("dependency_not_met");
    expect(await refusal(petit.trigger("slow"))).toContain("'slow' has 1 of 1");
    expect(await refusal(petit.trigger("upstream"))).toContain("all 1 slots for runs (--max-jobs) are taken");
    door.open();
  });
});

describe("a dependency on another job", () => {
  const upstream = (script: string) => job("upstream", { tasks: [shell("t", script)] });
  const start = (script: string, gates: readonly Dependency[], clock?: FakeClock): Promise<StartedEngine> =>
    startEngine({ ...(clock && { clock }), jobs: [upstream(script), job("gated", { dependsOn: gates })] });

  const REFUSED = "dependency_not_met: dependency not satisfied: ";

  test.each([
    ["last_success", "true", true],
    ["last_success", "false", false],
    ["last_complete", "true", true],
    ["last_complete", "false", true],
  ] as const)("%s after '%s' is met: %p", async (condition, script, isOpen) => {
    await using petit = await start(script, [gated(condition)]);
    expect(await refusal(petit.trigger("gated"))).toStartWith(`${REFUSED}'upstream' has never run`);
    await petit.run("upstream");
    const answer = await refusal(petit.trigger("gated"));
    if (isOpen) expect(answer).toBe("not refused");
    else expect(answer).toStartWith(`${REFUSED}the last run of 'upstream' failed`);
  });

  test("depends on the newest run, also if that is running or was cancelled", async () => {
    using door = gate();
    await using petit = await start('[ -z "$WAIT" ] || :', [gated("last_complete")]);
    await petit.run("upstream");
    petit.files = { ...petit.files, jobs: [petit.files.jobs[0] ?? job("gated"), upstream(door.wait)] };
    await petit.engine.reload();
    const { id } = await petit.trigger("upstream");
    expect(await refusal(petit.trigger("gated"))).toContain("the last run of 'upstream' is running");
    await petit.engine.cancel(id);
    await petit.ended(id);
    expect(await refusal(petit.trigger("gated"))).toContain("the last run of 'upstream' was cancelled");
  });

  test("within_window requires any completed run that ended within the window", async () => {
    const clock = new FakeClock();
    await using petit = await start('[ "$PETIT_PARAM_FAIL" != yes ]', [gated("within_window", 3_600_000)], clock);
    expect(await refusal(petit.trigger("gated"))).toBe(`${REFUSED}'upstream' has no completed run in the last 1h`);
    await petit.run("upstream");
    petit.files = { ...petit.files, jobs: [petit.files.jobs[0] ?? job("gated"), upstream("false")] };
    await petit.engine.reload();
    expect((await petit.run("upstream")).run.status).toBe("failed");
    clock.step(3_600_000);
    expect((await petit.run("gated")).run.status).toBe("completed");
    clock.step(1);
    expect(await refusal(petit.trigger("gated"))).toStartWith(REFUSED);
  });

  test("must be met for each of several", async () => {
    const jobs = [
      job("upstream"),
      job("second"),
      job("gated", { dependsOn: [gated("last_success"), { ...gated("last_success"), jobId: jobId("second") }] }),
    ];
    await using petit = await startEngine({ jobs });
    await petit.run("upstream");
    expect(await refusal(petit.trigger("gated"))).toContain("'second' has never run");
    await petit.run("second");
    expect(await refusal(petit.trigger("gated"))).toBe("not refused");
  });

  test("that is not met skips an occurrence: dependency", async () => {
    const clock = new FakeClock();
    const jobs = [
      job("upstream"),
      job("gated", { dependsOn: [gated("last_success")], schedule: schedule("* * * * *") }),
    ];
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(MINUTE);
    expect(petit.store.occurrences.list(jobId("gated"), { limit: 9 })).toMatchObject([
      { scheduledFor: NOON + MINUTE, outcome: "skipped", reason: "dependency", runId: null },
    ]);
    await petit.run("upstream");
    await clock.pass(MINUTE);
    expect(petit.store.occurrences.find(jobId("gated"), NOON + 2 * MINUTE)?.outcome).toBe("fired");
  });
});

describe("an occurrence at the job's limit", () => {
  const start = async (
    onOverlap: "skip" | "queue" | "replace",
    tasks = [shell("t", "sleep 60")],
    maxConcurrency = 1,
  ) => {
    const clock = new FakeClock();
    const jobs = [job("tick", { schedule: schedule("* * * * *"), maxConcurrency, onOverlap, tasks })];
    const petit = await startEngine({ clock, jobs, settings: { killGraceMs: 0 } });
    const ledger = () =>
      petit.store.occurrences
        .list(jobId("tick"), { limit: 1_000 })
        .toReversed()
        .map(({ outcome, reason }) => [outcome, reason].filter(Boolean).join(" "));
    const runs = () => petit.store.runs.list({ limit: 100 }).toReversed();
    return { clock, petit, ledger, runs, [Symbol.asyncDispose]: () => petit[Symbol.asyncDispose]() };
  };

  test("is skipped: overlap", async () => {
    await using started = await start("skip");
    const { clock, ledger, runs } = started;
    await clock.pass(3 * MINUTE);
    expect(ledger()).toEqual(["fired", "skipped overlap", "skipped overlap"]);
    expect(runs()).toHaveLength(1);
  });

  test("is queued, and starts in order when the previous run has ended", async () => {
    using door = gate();
    await using started = await start("queue", [shell("t", door.wait)]);
    const { clock, petit, ledger, runs } = started;
    await clock.pass(3 * MINUTE);
    expect(ledger()).toEqual(["fired", "fired", "fired"]);
    expect(runs().map(({ status }) => status)).toEqual(["running", "pending", "pending"]);
    expect(petit.engine.counts).toEqual({ pending: 2, running: 1 });
    const ids = runs().map(({ id }) => id);
    door.open();
    await petit.event("run.finished", { runId: ids[0] ?? null });
    await petit.event("run.started", { runId: ids[1] ?? null });
    expect(runs().map(({ status }) => status)).toEqual(["completed", "running", "pending"]);
    door.open(2);
    await petit.event("run.finished", { runId: ids[2] ?? null });
    expect(runs().map(({ scheduledFor }) => scheduledFor)).toEqual([1, 2, 3].map((n) => NOON + n * MINUTE));
  });

  test("is skipped if 100 are already pending: queue_full", async () => {
    await using started = await start("queue");
    const { clock, ledger } = started;
    await clock.pass(103 * MINUTE);
    expect(ledger().filter((outcome) => outcome === "fired")).toHaveLength(101);
    expect(ledger().slice(101)).toEqual(["skipped queue_full", "skipped queue_full"]);
  });

  test("replaces the running run, which is cancelled", async () => {
    await using started = await start("replace");
    const { clock, petit, ledger, runs } = started;
    await clock.pass(MINUTE);
    const [first] = runs();
    await clock.pass(MINUTE);
    await clock.passUntil(petit.event("run.finished", { runId: first?.id ?? null }));
    await petit.event("run.started", { runId: runs()[1]?.id ?? null });
    expect(runs()).toMatchObject([{ status: "cancelled", reason: "cancelled" }, { status: "running" }]);
    expect(ledger()).toEqual(["fired", "fired"]);
  });

  test("replaces no more runs than necessary: the oldest", async () => {
    await using started = await start("replace", undefined, 2);
    const { clock, petit, runs } = started;
    for (const expected of [
      ["running", "running"],
      ["cancelled", "running", "running"],
      ["cancelled", "cancelled", "running", "running"],
    ]) {
      await clock.passTo(NOON + expected.length * MINUTE);
      const ended = runs().slice(0, -2);
      for (const { id } of ended) await clock.passUntil(petit.event("run.finished", { runId: id }));
      await petit.event("run.started", { runId: runs().at(-1)?.id ?? null });
      expect(runs().map(({ status }): string => status)).toEqual(expected);
    }
  });

  test("replaces a pending run if that is the oldest", async () => {
    using door = gate();
    const stubborn = [shell("t", `trap '' TERM; ${door.wait}`)];
    const clock = new FakeClock();
    const every = schedule("* * * * * *");
    const jobs = [job("tick", { schedule: every, maxConcurrency: 2, onOverlap: "replace", tasks: stubborn })];
    await using petit = await startEngine({ clock, jobs, settings: { killGraceMs: 3_600_000 } });
    await clock.pass(2_000);
    await door.reached();
    await door.reached();
    const statuses = () => petit.store.runs.list({ limit: 9 }).map(({ status }) => status);
    await clock.pass(2_000);
    expect(statuses()).toEqual(["pending", "pending", "running", "running"]);
    await clock.pass(1_000);
    expect(statuses()).toEqual(["pending", "pending", "cancelled", "running", "running"]);
  });

  test("replaces pending runs as well", async () => {
    using door = gate();
    // Each check of an ending process scans all processes, so the test passes seconds, not minutes.
    const stubborn = [shell("t", `trap '' TERM; ${door.wait}`)];
    const clock = new FakeClock();
    const jobs = [
      job("tick", { schedule: schedule("* * * * * *"), maxConcurrency: 1, onOverlap: "replace", tasks: stubborn }),
    ];
    await using petit = await startEngine({ clock, jobs, settings: { killGraceMs: 3_600_000 } });
    await clock.pass(1_000);
    await door.reached();
    await clock.pass(2_000);
    const statuses = petit.store.runs.list({ limit: 9 }).map(({ status }) => status);
    expect(statuses).toEqual(["pending", "cancelled", "running"]);
    const [, dropped] = petit.store.runs.list({ limit: 9 });
    expect(petit.read(dropped?.id ?? expect.unreachable()).summary).toBe("t skipped(cancelled)");
  });

  test("replaces all older ones if many come due together, and the newest runs", async () => {
    using door = gate();
    const clock = new FakeClock();
    const every = schedule("0-11 12 * * *", { catchup: "all" });
    const tasks = [shell("t", door.wait)];
    const jobs = [job("tick", { schedule: every, maxConcurrency: 1, onOverlap: "replace", tasks })];
    await using petit = await startEngine({ clock, jobs });
    clock.step(10 * MINUTE);
    await clock.pass(MINUTE);
    const newest = petit.store.occurrences.find(jobId("tick"), NOON + 11 * MINUTE)?.runId ?? null;
    const isOver = petit.event("run.finished", { runId: newest });
    await clock.passUntil(petit.event("run.started", { runId: newest }));
    door.open();
    await clock.passUntil(isOver);
    const runs = petit.store.runs.list({ limit: 100 }).toReversed();
    expect(runs.map(({ status }) => status)).toEqual([...Array(runs.length - 1).fill("cancelled"), "completed"]);
    expect(petit.store.occurrences.list(jobId("tick"), { limit: 100 })).toHaveLength(11);
  });
});

describe("the global limit", () => {
  test("makes occurrences wait as pending, and starts them in order", async () => {
    using door = gate();
    const clock = new FakeClock();
    const names = ["a", "b", "c"];
    const jobs = names.map((name, index) =>
      job(name, { schedule: schedule(`${index + 1} * * * *`), tasks: [shell("t", door.wait)] }),
    );
    await using petit = await startEngine({ clock, jobs, settings: { maxJobs: 1 } });
    await clock.pass(3 * MINUTE);
    const statuses = () =>
      petit.store.runs
        .list({ limit: 9 })
        .toReversed()
        .map(({ jobId, status }) => `${jobId} ${status}`);
    expect(statuses()).toEqual(["a running", "b pending", "c pending"]);
    door.open();
    await petit.event("run.started", { jobId: jobId("b") });
    expect(statuses()).toEqual(["a completed", "b running", "c pending"]);
    door.open(2);
    await petit.event("run.finished", { jobId: jobId("c") });
    expect(statuses()).toEqual(["a completed", "b completed", "c completed"]);
  });

  test("lets a run pass another whose job is at its limit", async () => {
    using door = gate();
    const clock = new FakeClock();
    const jobs = [
      job("full", {
        schedule: schedule("* * * * *"),
        maxConcurrency: 1,
        onOverlap: "queue",
        tasks: [shell("t", door.wait)],
      }),
      job("free", { schedule: schedule("3 * * * *") }),
      job("manual"),
    ];
    await using petit = await startEngine({ clock, jobs, settings: { maxJobs: 2 } });
    await clock.pass(3 * MINUTE);
    expect((await petit.event("run.finished")).jobId).toBe(jobId("free"));
    expect((await petit.run("manual")).run.status).toBe("completed");
  });

  test("does not let a manual trigger pass pending runs", async () => {
    using door = gate();
    const clock = new FakeClock();
    const jobs = [
      job("slow", { tasks: [shell("t", door.wait)] }),
      job("tick", { schedule: schedule("* * * * *"), tasks: [command("t", "true")] }),
    ];
    await using petit = await startEngine({ clock, jobs, settings: { maxJobs: 1 } });
    const slow = await petit.trigger("slow");
    await clock.pass(MINUTE);
    door.open();
    await petit.ended(slow.id);
    expect((await petit.event("run.finished", { jobId: jobId("tick") })).status).toBe("completed");
  });
});
