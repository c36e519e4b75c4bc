import { describe, expect, test } from "bun:test";
import type { Event } from "../../../src/domain/event.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { NotifyTarget } from "../../../src/domain/notification.ts";
import { job, jobId, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;
const LATE = 30 * MINUTE;

const slow = (block: ReturnType<typeof gate>, given: Partial<Job> = {}): Job =>
  job("slow", { tasks: [shell("wait", block.wait)], warnAfterMs: LATE, ...given });

const lateEvents = ({ store }: StartedEngine): readonly Event[] =>
  store.events.after(0, 10_000).filter(({ type }) => type === "run.late");

const attention = async ({ engine }: StartedEngine) => (await engine.listAttention(100)).items;

describe("an unfinished run", () => {
  test("is late once after `warn_after`, is listed until it ends, and is notified", async () => {
    await using hook = receiver();
    const clock = new FakeClock();
    using block = gate();
    const target: NotifyTarget = {
      type: "webhook",
      url: hook.url,
      on: ["late"],
      headers: {},
      secret: null,
      // The clock passes faster than the request.
      timeoutMs: 24 * 60 * MINUTE,
    };
    await using petit = await startEngine({ clock, jobs: [slow(block, { notify: [target] })] });
    const run = await petit.trigger("slow");
    await block.reached();
    await clock.passTo(run.createdAt + LATE - 1);
    expect(lateEvents(petit)).toEqual([]);
    await clock.pass(1);
    const event = await petit.event("run.late");
    expect(event).toMatchObject({ jobId: jobId("slow"), runId: run.id, status: "running" });
    expect(petit.store.runs.find(run.id)?.lateAt).toBe(event.at);
    await clock.pass(60 * MINUTE);
    expect(lateEvents(petit)).toHaveLength(1);
    expect(await attention(petit)).toEqual([
      expect.objectContaining({
        kind: "run_late",
        cause: "warn_after",
        jobId: jobId("slow"),
        runId: run.id,
        since: event.at,
        count: 1,
      }),
    ]);
    const [received] = await hook.first(1);
    expect(JSON.parse(received?.body ?? "")).toMatchObject({
      event: "late",
      at: event.at,
      run: { id: run.id, status: "running" },
      late: { due_at: run.createdAt, warn_after_ms: LATE },
    });
    block.open();
    await petit.ended(run.id);
    expect(await attention(petit)).toEqual([]);
    expect(petit.store.runs.find(run.id)).toMatchObject({ status: "completed", lateAt: event.at });
    expect(hook.received).toHaveLength(1);
  });

  test("is late once over restarts, also if it becomes late meanwhile", async () => {
    using dir = tempDir();
    using block = gate();
    const clock = new FakeClock();
    const live = async (work: (petit: StartedEngine) => Promise<unknown>) => {
      await using petit = await startEngine({ clock, dir: dir.path, jobs: [slow(block)] });
      await work(petit);
      await petit.stop("leave");
    };
    await live(async (petit) => {
      await petit.trigger("slow");
      await block.reached();
    });
    clock.step(LATE);
    await live(async (petit) => {
      await clock.passUntil(petit.event("run.late"));
    });
    await live(async (petit) => {
      await clock.pass(10 * MINUTE);
      expect(lateEvents(petit)).toHaveLength(1);
      expect((await attention(petit)).map(({ kind }) => kind)).toEqual(["run_late"]);
      block.open();
    });
  });

  test("is late after its occurrence was due, also while it waits for a slot", async () => {
    const clock = new FakeClock();
    using block = gate();
    const busy = job("busy", { tasks: [shell("wait", block.wait)] });
    const queued = job("queued", {
      schedule: schedule("5 12 * * *"),
      warnAfterMs: 2 * MINUTE,
      tasks: [shell("quick", "true")],
    });
    await using petit = await startEngine({ clock, jobs: [busy, queued], settings: { maxJobs: 1 } });
    await petit.trigger("busy");
    await block.reached();
    await clock.passTo(NOON + 7 * MINUTE - 1);
    expect(lateEvents(petit)).toEqual([]);
    await clock.pass(1);
    expect(await petit.event("run.late")).toMatchObject({
      jobId: jobId("queued"),
      status: "pending",
    });
    await clock.pass(20 * MINUTE);
    expect(await attention(petit)).toEqual([
      expect.objectContaining({ kind: "run_late", cause: "warn_after", jobId: jobId("queued") }),
    ]);
    block.open();
    await petit.event("run.finished", { jobId: jobId("queued") });
  });

  test("is not late if it ends before, or its job has no `warn_after`", async () => {
    const clock = new FakeClock();
    using block = gate();
    const quick = job("quick", { tasks: [shell("only", "true")], warnAfterMs: LATE });
    await using petit = await startEngine({
      clock,
      jobs: [quick, job("slow", { tasks: [shell("wait", block.wait)] })],
    });
    const run = await petit.trigger("quick");
    await petit.ended(run.id);
    await petit.trigger("slow");
    await block.reached();
    await clock.pass(2 * LATE);
    expect(lateEvents(petit)).toEqual([]);
    expect(petit.store.runs.find(run.id)?.lateAt).toBeNull();
    block.open();
  });
});
