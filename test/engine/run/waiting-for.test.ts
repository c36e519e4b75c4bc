import { describe, expect, test } from "bun:test";
import { waitOf } from "../../../src/api/runs/remote.ts";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const jobsOf = (text: string): readonly Job[] => {
  const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return jobs;
};

const APPROVE = { kind: "approve", by: "ada", comment: null } as const;

/** Returns what the events said that runs wait for, in order. */
const announced = ({ store }: StartedEngine) =>
  store.events
    .after(0, 1000)
    .filter(({ type }) => type === "run.waiting")
    .map(({ status, reason }) => ({ now: status, before: reason }));

describe("what a running run waits for", () => {
  test("is an approval, until it is decided", async () => {
    const jobs = jobsOf(
      "id: j\ntasks:\n  - {id: ask, type: approval}\n  - {id: load, type: command, command: 'true', depends_on: [ask]}\n",
    );
    await using petit = await startEngine({ jobs });
    const { id } = await petit.trigger("j");
    await petit.event("run.waiting", { runId: id });
    expect(petit.engine.waitingFor(id)).toBe("approval");
    expect(Object.entries(Object.fromEntries(petit.engine.waitingTasks(id)))).toEqual([["ask", "approval"]]);
    expect(petit.engine.activity().waiting).toEqual({ approval: 1 });
    expect(petit.engine.counts).toEqual({ pending: 0, running: 1 });
    expect(petit.engine.findJob("j")).toMatchObject({
      running: 1,
      waiting: { approval: 1 },
      lastWaitingFor: "approval",
    });
    await petit.engine.decide(id, "ask", APPROVE);
    await petit.event("run.waiting", { runId: id, status: null });
    await petit.ended(id);
    expect(petit.engine.waitingFor(id)).toBeNull();
    expect(petit.engine.activity().waiting).toEqual({});
    expect(announced(petit)).toEqual([
      { now: "approval", before: null },
      { now: null, before: "approval" },
    ]);
  });

  test("is nothing while another of its tasks executes", async () => {
    using open = gate();
    const jobs = jobsOf(
      `id: j\ntasks:\n  - {id: ask, type: approval}\n  - {id: work, type: shell, script: ${JSON.stringify(open.wait)}}\n`,
    );
    await using petit = await startEngine({ jobs });
    const { id } = await petit.trigger("j");
    await petit.event("approval", { runId: id });
    expect(petit.engine.waitingFor(id)).toBeNull();
    expect([...petit.engine.waitingTasks(id).values()]).toEqual(["approval"]);
    open.open();
    await petit.event("run.waiting", { runId: id });
    expect(petit.engine.waitingFor(id)).toBe("approval");
  });

  test("is a child run, whatever that waits for", async () => {
    const jobs = jobsOf(
      "id: parent\ntasks:\n  - {id: call, type: job, job: child}\n---\nid: child\ntasks:\n  - {id: ask, type: approval}\n",
    );
    await using petit = await startEngine({ jobs });
    const { id } = await petit.trigger("parent");
    await petit.event("approval", {});
    const [child] = petit.store.runs.list({ parent: id, limit: 1 });
    if (child === undefined) throw new Error("no child run");
    expect(petit.engine.waitingFor(id)).toBe("child");
    expect(petit.engine.waitingFor(child.id)).toBe("approval");
    expect(petit.engine.activity().waiting).toEqual({ child: 1, approval: 1 });
  });

  test("is a retry, until the next attempt starts", async () => {
    const clock = new FakeClock();
    const jobs = jobsOf(
      "id: j\ntasks:\n  - {id: t, type: command, command: 'false', retry: {max_attempts: 2, delay: 1h}}\n",
    );
    await using petit = await startEngine({ jobs, clock });
    const { id } = await petit.trigger("j");
    await petit.event("run.waiting", { runId: id });
    expect(petit.engine.waitingFor(id)).toBe("retry");
    expect([...petit.engine.waitingTasks(id).values()]).toEqual(["retry"]);
    await clock.pass(2 * 3_600_000);
    await petit.event("run.waiting", { runId: id, status: null });
    expect(announced(petit).slice(0, 2)).toEqual([
      { now: "retry", before: null },
      { now: null, before: "retry" },
    ]);
  });

  test("is a slot, if other runs took its own while it waited for a person", async () => {
    using open = gate();
    const jobs = jobsOf(
      `id: asks\nqueue: db\ntasks:\n  - {id: ask, type: approval}\n  - {id: load, type: command, command: 'true', depends_on: [ask]}\n---\nid: works\nqueue: db\ntasks:\n  - {id: work, type: shell, script: ${JSON.stringify(open.wait)}}\n`,
    );
    await using petit = await startEngine({ jobs, settings: { queues: new Map([["db", 1]]) } });
    const { id } = await petit.trigger("asks");
    await petit.event("run.waiting", { runId: id });
    const other = await petit.trigger("works");
    await petit.event("run.started", { runId: other.id });
    const queued = await petit.trigger("works");
    expect(petit.engine.waitingFor(queued.id)).toBe("queue");
    expect(petit.engine.waitingFor(other.id)).toBeNull();
    await petit.engine.decide(id, "ask", APPROVE);
    await petit.event("run.waiting", { runId: id, status: "queue" });
    expect(petit.engine.waitingFor(id)).toBe("queue");
    open.open(2);
    await petit.event("run.waiting", { runId: id, status: null, reason: "queue" });
    await petit.ended(id);
    await petit.ended(queued.id);
    expect(announced(petit).at(-1)).toEqual({ now: null, before: "queue" });
  });

  test("is a worker for a task that no worker has claimed", async () => {
    const jobs = jobsOf("id: j\ntasks:\n  - {id: t, type: command, command: 'true', runs_on: [gpu]}\n");
    await using petit = await startEngine({ jobs });
    const { id } = await petit.trigger("j");
    await petit.event("run.waiting", { runId: id });
    expect(petit.engine.waitingFor(id)).toBe("worker");
    expect(petit.engine.activity().waiting).toEqual({ worker: 1 });
  });

  test("is explained by what 'waits_for' says, and by nothing else", async () => {
    const gpu = "{id: gpu, type: command, command: 'true', runs_on: [gpu]}";
    const jobs = jobsOf(
      `id: both\ntasks:\n  - {id: ask, type: approval}\n  - ${gpu}\n---\nid: one\ntasks:\n  - ${gpu}\n---\nid: limited\nmax_concurrency: 1\ntasks:\n  - {id: ask, type: approval}\n---\nid: calls\ntasks:\n  - {id: a, type: job, job: limited}\n  - {id: b, type: job, job: limited}\n`,
    );
    await using petit = await startEngine({ jobs });
    const both = await petit.trigger("both");
    await petit.event("run.waiting", { runId: both.id, status: "approval" });
    expect(waitOf(petit.engine, both)).toEqual({ waitingFor: "approval", waitsFor: null });
    const one = await petit.trigger("one");
    await petit.event("run.waiting", { runId: one.id, status: "worker" });
    expect(waitOf(petit.engine, one)).toMatchObject({ waitingFor: "worker", waitsFor: { code: "worker" } });
    const { id: parent } = await petit.trigger("calls");
    await petit.event("run.waiting", { runId: parent, status: "child" });
    const second = petit.store.runs.list({ parent, status: "pending", limit: 1 })[0];
    if (second === undefined) throw new Error("no child run waits");
    expect(waitOf(petit.engine, second)).toMatchObject({
      waitingFor: "queue",
      waitsFor: { code: "max_concurrency" },
    });
    await petit.engine.decide(both.id, "ask", APPROVE);
    await petit.event("run.waiting", { runId: both.id, status: "worker" });
    expect(waitOf(petit.engine, both)).toMatchObject({ waitingFor: "worker", waitsFor: { code: "worker" } });
  });

  test("is the same after a restart", async () => {
    using dir = tempDir();
    const jobs = jobsOf("id: j\ntasks:\n  - {id: ask, type: approval}\n");
    const first = await startEngine({ jobs, dir: dir.path });
    const { id } = await first.trigger("j");
    await first.event("run.waiting", { runId: id });
    await first.stop("leave");
    await using second = await startEngine({ jobs, dir: dir.path });
    expect(second.engine.waitingFor(id)).toBe("approval");
  });
});
