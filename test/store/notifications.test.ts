import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { newRunId } from "../../src/domain/ids.ts";
import type { RunStatus } from "../../src/domain/run.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "../../src/store/database/migrate.ts";
import { openStore } from "../../src/store/database/open.ts";
import init from "../../src/store/migrations/0001_init.sql" with { type: "text" };
import type { NewSending } from "../../src/store/notifications.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";
import { tempDir } from "../support/temp-dir.ts";

const sending = (store: Store, id: string, given: Partial<NewSending> = {}): NewSending => ({
  id,
  versionId: store.jobs.save([job("j")], NOON).get(jobId("j"))?.versionId ?? 0,
  jobId: jobId("j"),
  target: 0,
  channel: "a",
  event: "failure",
  runId: null,
  notice: "{}",
  ...given,
});

describe("the queue of sendings", () => {
  test("keeps the order of each channel", () => {
    using store = memoryStore();
    for (const [id, channel] of [
      ["1", "a"],
      ["2", "b"],
      ["3", "a"],
    ] as const)
      store.notifications.queue(sending(store, id, { channel }), NOON);
    expect([...store.notifications.listWaitingChannels()].sort()).toEqual(["a", "b"]);
    expect(store.notifications.findNext("a")).toMatchObject({
      id: "1",
      attempts: 0,
      dueAt: NOON,
      queuedAt: NOON,
      notice: "{}",
    });
    store.notifications.postpone("1", { dueAt: NOON + 5, error: "answered 500" });
    expect(store.notifications.findNext("a")).toMatchObject({ id: "1", attempts: 1, dueAt: NOON + 5 });
    store.notifications.finish("1", { status: "delivered" }, NOON + 6);
    expect(store.notifications.findNext("a")?.id).toBe("3");
    store.notifications.finish("3", { status: "given_up", error: "answered 404" }, NOON + 6);
    expect(store.notifications.findNext("a")).toBeNull();
    expect(store.notifications.listWaitingChannels()).toEqual(["b"]);
  });

  test("gives up the oldest sendings of a channel that is too long", () => {
    using store = memoryStore();
    for (const id of ["1", "2", "3", "4"]) store.notifications.queue(sending(store, id), NOON);
    store.notifications.queue(sending(store, "5", { channel: "b" }), NOON);
    expect(store.notifications.giveUpExcess("a", 2, NOON)).toBe(2);
    expect(store.notifications.giveUpExcess("a", 2, NOON)).toBe(0);
    expect(store.notifications.findNext("a")?.id).toBe("3");
    // Sending 1 was being sent when it was given up; its outcome is ignored.
    store.notifications.finish("1", { status: "delivered" }, NOON);
    store.notifications.postpone("2", { dueAt: NOON, error: "x" });
    expect(store.notifications.findNext("a")?.id).toBe("3");
  });

  test("lists the newest first, with the outcome of each", () => {
    using store = memoryStore();
    for (const id of ["1", "2", "3"]) store.notifications.queue(sending(store, id), NOON);
    store.notifications.finish("1", { status: "delivered" }, NOON + 1);
    store.notifications.postpone("2", { dueAt: NOON + 5, error: "answered 500" });
    store.notifications.finish("3", { status: "given_up", error: "answered 404" }, NOON + 2);
    const { id: _, notice: _notice, channel: _channel, ...same } = sending(store, "");
    const common = { ...same, attempts: 1, queuedAt: NOON };
    const [given, waiting, delivered] = [
      { ...common, id: "3", status: "given_up", error: "answered 404", dueAt: null, endedAt: NOON + 2 },
      { ...common, id: "2", status: "waiting", error: "answered 500", dueAt: NOON + 5, endedAt: null },
      { ...common, id: "1", status: "delivered", error: null, dueAt: null, endedAt: NOON + 1 },
    ] as const;
    expect(store.notifications.list({ limit: 10 })).toEqual([given, waiting, delivered]);
    expect(store.notifications.list({ limit: 2 })).toEqual([given, waiting]);
    expect(store.notifications.list({ limit: 2, status: "delivered" })).toEqual([delivered]);
    expect(store.notifications.countWaiting()).toBe(1);
  });

  test("deletes sendings that ended long ago, and none that wait", () => {
    using store = memoryStore();
    for (const id of ["1", "2", "3"]) store.notifications.queue(sending(store, id), NOON);
    store.notifications.finish("1", { status: "delivered" }, NOON);
    store.notifications.finish("2", { status: "given_up", error: "x" }, NOON + 10);
    expect(store.notifications.deleteEnded(NOON + 1, 10)).toBe(1);
    expect(store.notifications.deleteEnded(NOON + 100, 10)).toBe(1);
    expect(store.notifications.findNext("a")?.id).toBe("3");
  });

  test("is unchanged if the surrounding transaction is undone", () => {
    using store = memoryStore();
    const one = sending(store, "1");
    expect(() =>
      store.transaction(() => {
        store.notifications.queue(one, NOON);
        throw new Error("undone");
      }),
    ).toThrow("undone");
    expect(store.notifications.listWaitingChannels()).toEqual([]);
  });
});

describe("didPreviousFail", () => {
  const FINAL = {
    completed: null,
    failed: "exit_code",
    interrupted: "interrupted",
    cancelled: "cancelled",
  } as const;
  const end = (store: Store, status: keyof typeof FINAL & RunStatus, at: number) => {
    const run = startRun(store, { now: at, id: newRunId(at) });
    const reason = FINAL[status];
    return store.runs.finish(run.id, { status, reason, error: reason }, at);
  };

  test.each([
    [[], false],
    [["completed"], false],
    [["failed"], true],
    [["interrupted"], true],
    [["cancelled"], false],
    [["failed", "cancelled"], true],
    [["completed", "cancelled"], false],
    [["failed", "completed"], false],
    [["completed", "failed", "failed"], true],
  ] as const)("returns, after %p, %p", (statuses, expected) => {
    using store = memoryStore();
    statuses.forEach((status, index) => {
      end(store, status, NOON + index);
    });
    const last = end(store, "completed", NOON + 100);
    expect(store.notifications.didPreviousFail(last)).toBe(expected);
  });

  test("checks the run that ended last, regardless of their starts", () => {
    using store = memoryStore();
    const slow = startRun(store, { now: NOON });
    end(store, "completed", NOON + 1);
    store.runs.finish(slow.id, { status: "failed", reason: "exit_code", error: "x" }, NOON + 2);
    expect(store.notifications.didPreviousFail(end(store, "completed", NOON + 3))).toBe(true);
  });

  test("ignores runs of other jobs", () => {
    using store = memoryStore();
    end(store, "failed", NOON);
    const other = startRun(store, { job: job("other") });
    expect(store.notifications.didPreviousFail(other)).toBe(false);
  });
});

describe("a database of schema 1", () => {
  test("is migrated with all its rows", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const db = openRuntime().openDatabase(path);
    db.exec(init);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec("PRAGMA user_version = 1");
    const definition = JSON.stringify(job("old"));
    db.exec(`INSERT INTO job_versions VALUES (7, 'old', 'digest', '${definition}', 1)`);
    db.exec("INSERT INTO jobs VALUES ('old', 7, 1, 5, NULL)");
    const runId = newRunId(NOON);
    db.exec(
      `INSERT INTO runs (id, job_id, version, status, "trigger", params, created_at, started_at)
       VALUES ('${runId}', 'old', 7, 'running', 'manual', '{}', 1, 1)`,
    );
    db.close();

    using store = openStore({ path, runtime: openRuntime() });
    expect(store.jobs.getDefinition(7)).toEqual(job("old"));
    expect(store.jobs.list().get(jobId("old"))).toMatchObject({ versionId: 7, accountedUntil: 5 });
    const run = store.runs.finish(runId, { status: "completed", reason: null, error: null }, NOON);
    expect(store.notifications.didPreviousFail(run)).toBe(false);
    store.notifications.queue({ ...sending(store, "1"), versionId: 7 }, NOON);
    expect(store.notifications.findNext("a")?.versionId).toBe(7);
    const versionOf = openRuntime().openDatabase(path, { readonly: true }).prepare("PRAGMA user_version").get();
    expect(versionOf).toEqual({ user_version: SCHEMA_VERSION });
  });
});
