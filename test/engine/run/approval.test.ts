import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { command, job as plainJob } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Reads a job with a task `ask`, and one after it. */
const jobOf = (fields = "", more = ""): Job => {
  const text = `id: j\nparams: {day: {default: monday}}\n${more}\ntasks:
  - {id: ask, type: approval, prompt: "Load \${{ params.day }}?"${fields}}
  - {id: load, type: command, command: echo, args: ["by \${{ tasks.ask.outputs.by }}"], depends_on: [ask]}\n`;
  const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
  const [job] = jobs;
  if (job === undefined) throw new Error(JSON.stringify(problems));
  return job;
};

/** Triggers the job, and waits until it asks. */
const asking = async (petit: StartedEngine): Promise<RunId> => {
  const { id } = await petit.trigger("j");
  await petit.event("approval", { runId: id });
  return id;
};

const APPROVE = { kind: "approve", by: "ada", comment: null } as const;
const REJECT = { kind: "reject", by: "ada", comment: "wrong day" } as const;

describe("an approval", () => {
  test("waits without a process until a person approves it", async () => {
    await using petit = await startEngine({ jobs: [jobOf()] });
    const id = await asking(petit);
    expect(petit.read(id).summary).toBe("ask running · load pending");
    expect(petit.read(id).attempts).toEqual([]);
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([
      { kind: "approval_needed", runId: id, taskId: "ask", name: "ask", prompt: "Load monday?" },
    ]);
    await petit.engine.decide(id, "ask", APPROVE);
    const { run, tasks, output } = await petit.ended(id);
    expect(run.status).toBe("completed");
    expect(tasks.ask).toMatchObject({ status: "completed", outputs: { decision: "approved", by: "ada" } });
    expect(output()).toBe("by ada\n");
  });

  test("fails if a person rejects it, with the comment", async () => {
    await using petit = await startEngine({ jobs: [jobOf()] });
    const id = await asking(petit);
    await petit.engine.decide(id, null, REJECT);
    const { run, summary, tasks } = await petit.ended(id);
    expect(summary).toBe("ask failed(rejected) · load skipped(upstream_failed)");
    expect(tasks.ask).toMatchObject({ error: "rejected by ada: wrong day", outputs: { comment: "wrong day" } });
    expect(run).toMatchObject({ status: "failed", reason: "rejected" });
  });

  test.each([
    ["", "failed(timeout)"],
    [", on_timeout: reject", "failed(timeout)"],
    [", on_timeout: approve", "completed"],
  ])("is decided at its timeout: %s", async (fields, outcome) => {
    const clock = new FakeClock();
    await using petit = await startEngine({ jobs: [jobOf(`, timeout: 1h${fields}`)], clock });
    const id = await asking(petit);
    await clock.pass(3_599_999);
    expect(petit.read(id).tasks.ask?.status).toBe("running");
    await clock.pass(1);
    expect(petit.read(id).summary).toStartWith(`ask ${outcome}`);
  });

  test("can be decided only once, and only while it waits", async () => {
    await using petit = await startEngine({ jobs: [jobOf()] });
    const id = await asking(petit);
    await expect(petit.engine.decide(id, "load", APPROVE)).rejects.toMatchObject({
      code: "conflict",
      message: `task 'load' of run '${id}' does not wait for approval; ask does`,
    });
    const decisions = await Promise.allSettled([APPROVE, REJECT].map((each) => petit.engine.decide(id, "ask", each)));
    expect(decisions.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect((await petit.ended(id)).run.status).toBe("completed");
    await expect(petit.engine.decide(id, null, APPROVE)).rejects.toMatchObject({ code: "conflict" });
  });

  test("is ended with its run", async () => {
    await using petit = await startEngine({ jobs: [jobOf()] });
    const id = await asking(petit);
    await petit.engine.cancel(id);
    const { run, tasks } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(tasks.ask).toMatchObject({
      status: "failed",
      reason: "cancelled",
      error: "ended while waiting for an approval: cancelled",
    });
  });

  test.each(["leave", "drain"] as const)("waits over a restart with %s, with its timeout", async (how) => {
    using dir = tempDir();
    const clock = new FakeClock();
    const jobs = [jobOf(", timeout: 1h")];
    const first = await startEngine({ jobs, dir: dir.path, clock });
    const id = await asking(first);
    await first.stop(how);
    await using second = await startEngine({ jobs, dir: dir.path, clock });
    expect(second.read(id)).toMatchObject({ run: { status: "running" }, summary: "ask running · load pending" });
    await clock.pass(3_600_000);
    expect((await second.ended(id)).tasks.ask).toMatchObject({ status: "failed", reason: "timeout" });
  });

  test("is notified once when it begins to wait, also over a restart", async () => {
    using dir = tempDir();
    await using hook = receiver();
    const notify = `notify: [{type: webhook, url: "${hook.url}", on: [approval]}]\nlinks: {runbook: "https://example.com/r"}`;
    const jobs = [jobOf(", timeout: 1h", notify)];
    const first = await startEngine({ jobs, dir: dir.path });
    const id = await asking(first);
    const [received] = await hook.first(1);
    const askedAt = first.read(id).tasks.ask?.startedAt ?? 0;
    expect(JSON.parse(received?.body ?? "")).toMatchObject({
      event: "approval",
      at: askedAt,
      links: { runbook: "https://example.com/r" },
      run: { id, status: "running" },
      approval: {
        task_id: "ask",
        prompt: "Load monday?",
        expires_at: askedAt + 3_600_000,
        on_timeout: "reject",
        commands: { approve: `petit approve ${id} ask`, reject: `petit reject ${id} ask` },
      },
    });
    await first.stop("drain");
    await using second = await startEngine({ jobs, dir: dir.path });
    await second.engine.decide(id, null, APPROVE);
    await second.ended(id);
    await second.stop("drain");
    expect(hook.received).toHaveLength(1);
  });

  test("leaves its place to other runs while it waits, and takes it again before them", async () => {
    const other = plainJob("other", { tasks: [command("only", "sleep", { args: ["60"] })] });
    await using petit = await startEngine({ jobs: [jobOf(), other], settings: { maxJobs: 1 } });
    const id = await asking(petit);
    const busy = await petit.trigger("other");
    expect(busy.status).toBe("running");
    await petit.engine.decide(id, null, APPROVE);
    expect(petit.read(id).summary).toBe("ask completed · load pending");
    await expect(petit.trigger("other")).rejects.toMatchObject({ code: "limit_reached" });
    await petit.engine.cancel(busy.id);
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("still counts for the limit of its own job", async () => {
    await using petit = await startEngine({ jobs: [jobOf("", "max_concurrency: 1")] });
    const id = await asking(petit);
    await expect(petit.trigger("j")).rejects.toMatchObject({ code: "limit_reached" });
    await petit.engine.decide(id, null, APPROVE);
    await petit.ended(id);
    await asking(petit);
  });

  test("beside a running task keeps its place", async () => {
    const text = `id: j\ntasks:\n  - {id: ask, type: approval}\n  - {id: work, type: command, command: sleep, args: ["60"]}\n`;
    const { jobs } = readJobFile({ file: "j.yaml", folder: "/", text });
    const other = plainJob("other");
    await using petit = await startEngine({ jobs: [...jobs, other], settings: { maxJobs: 1 } });
    await asking(petit);
    await expect(petit.trigger("other")).rejects.toMatchObject({ code: "limit_reached" });
  });
});
