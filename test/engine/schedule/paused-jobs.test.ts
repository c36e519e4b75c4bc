import { describe, expect, test } from "bun:test";
import { type AuditAction, auditFacts } from "../../../src/domain/people/audit.ts";
import { AuditEntry, withinAction } from "../../../src/store/people/audit-scope.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;

const ANY_AUDIT = {
  ...{ who: null, actions: null, target: null, jobId: null, runId: null },
  ...{ allowed: null, since: null, until: null },
};

const each = (id: string) => job(id, { schedule: schedule("* * * * *", { catchup: "all" }) });

/** Returns the ledger of a job, oldest first: minutes after noon and outcomes. */
const ledger = (store: Store, id: string): readonly string[] =>
  store.occurrences
    .list(jobId(id), { limit: 1_000 })
    .toReversed()
    .map(({ scheduledFor, outcome, reason }) => `${(scheduledFor - NOON) / MINUTE} ${outcome} ${reason ?? ""}`.trim());

describe("a paused job", () => {
  test("skips its occurrences, other jobs do not, and resume fires no past ones", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [each("other"), each("tick")] });
    await petit.engine.pauseJob("tick", "ada");
    expect(petit.engine.state).toBe("running");
    expect(petit.engine.findJob("tick")?.pause).toEqual({ at: NOON, by: "ada" });
    await clock.pass(2 * MINUTE);
    await petit.engine.resumeJob("tick");
    expect(petit.engine.findJob("tick")?.pause).toBeNull();
    await clock.pass(MINUTE);
    expect(ledger(petit.store, "tick")).toEqual(["1 skipped paused", "2 skipped paused", "3 fired"]);
    expect(ledger(petit.store, "other")).toEqual(["1 fired", "2 fired", "3 fired"]);
  });

  test("is in the audit log before what follows, also if nothing changes", async () => {
    await using petit = await startEngine({ jobs: [each("tick")] });
    const { engine, store } = petit;
    const clock = new FakeClock();
    const done: Promise<void>[] = [];
    const act = (who: string, action: AuditAction, work: () => Promise<void>): void => {
      const entry = new AuditEntry(auditFacts({ how: "token", action, who }), clock);
      done.push(withinAction(entry, work));
    };
    act("ada", "job.resume", () => engine.resumeJob("tick"));
    act("ben", "job.pause", () => engine.pauseJob("tick"));
    act("ada", "job.pause", () => engine.pauseJob("tick"));
    act("ada", "scheduler.resume", () => engine.resume());
    act("ben", "scheduler.pause", () => engine.pause());
    await Promise.all(done);
    const { rows } = store.audit.list(ANY_AUDIT, { limit: 10, before: null, scan: 100 });
    expect(rows.toReversed().flatMap(({ who, action }) => (who === null ? [] : `${who} ${action}`))).toEqual([
      "ada job.resume",
      "ben job.pause",
      "ada job.pause",
      "ada scheduler.resume",
      "ben scheduler.pause",
    ]);
  });

  test("accepts manual triggers", async () => {
    await using petit = await startEngine({ jobs: [each("tick")] });
    await petit.engine.pauseJob("tick");
    expect((await petit.run("tick")).run.status).toBe("completed");
  });

  test("stays paused over a restart, and what passed meanwhile is skipped and not caught up on", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const options = { clock, dir: dir.path, jobs: [each("tick")] };
    {
      await using petit = await startEngine(options);
      await petit.engine.pauseJob("tick", "ada");
      await petit.stop("drain");
    }
    clock.step(2 * MINUTE);
    await using petit = await startEngine(options);
    expect(petit.engine.findJob("tick")?.pause).toEqual({ at: NOON, by: "ada" });
    await clock.pass(MINUTE);
    expect(ledger(petit.store, "tick")).toEqual(["1 skipped paused", "2 skipped paused", "3 skipped paused"]);
  });

  test("stays paused when its file is removed and comes back", async () => {
    await using petit = await startEngine({ jobs: [each("tick")] });
    await petit.engine.pauseJob("tick");
    petit.files = filesOf([]);
    await petit.engine.reload();
    petit.files = filesOf([each("tick")]);
    await petit.engine.reload();
    expect(petit.engine.findJob("tick")?.pause).not.toBeNull();
  });

  test("stays paused when the scheduler is resumed", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [each("tick")] });
    await petit.engine.pauseJob("tick");
    await petit.engine.pause();
    await petit.engine.resume();
    await clock.pass(MINUTE);
    expect(ledger(petit.store, "tick")).toEqual(["1 skipped paused"]);
  });

  test("emits one event for a pause and one for the end of it, however often they are asked for", async () => {
    await using petit = await startEngine({ jobs: [each("tick")] });
    for (let i = 0; i < 2; i++) await petit.engine.pauseJob("tick");
    for (let i = 0; i < 2; i++) await petit.engine.resumeJob("tick");
    expect(petit.store.events.after(0, 9).map(({ type, jobId: id }) => `${type} ${id}`)).toEqual([
      "job.paused tick",
      "job.resumed tick",
    ]);
  });

  test("does not skip an occurrence that came due right before the pause", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [each("tick")] });
    clock.step(MINUTE);
    await petit.engine.pauseJob("tick");
    await clock.pass(30_000);
    expect(ledger(petit.store, "tick")).toEqual(["1 fired"]);
  });

  test("must exist", async () => {
    await using petit = await startEngine({ jobs: [each("tick")] });
    expect(petit.engine.pauseJob("tik")).rejects.toThrow("did you mean 'tick'?");
    expect(petit.engine.resumeJob("tik")).rejects.toThrow("was not found");
  });
});
