import { describe, expect, test } from "bun:test";
import { newRunId } from "../../src/domain/ids.ts";
import type { Job } from "../../src/domain/job.ts";
import { channelOf } from "../../src/store/renames.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId, schedule } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";

const [OLD, NEW] = [jobId("old"), jobId("new")];
const HOOK = {
  type: "webhook",
  on: ["failure"],
  url: "https://example.com/hook",
  headers: {},
  secret: null,
  timeoutMs: 1_000,
} as const;
const SCHEDULED = { schedule: schedule("@hourly"), notify: [HOOK] };

const old = job("old", SCHEDULED);
const renamed = (given: Partial<Job> = {}): Job => job("new", { ...SCHEDULED, formerly: [OLD], ...given });

/** Stores a run of the job. */
const run = (store: Store, of: Job, now = NOON) => startRun(store, { job: of, now });

const runIds = (store: Store, id: string): readonly string[] =>
  store.runs.list({ jobId: jobId(id), limit: 99 }).map((each) => each.id);

const ledger = (store: Store, id: string): readonly string[] =>
  store.occurrences
    .list(jobId(id), { limit: 99 })
    .map(({ scheduledFor, outcome }) => `${(scheduledFor - NOON) / 1000} ${outcome}`)
    .reverse();

const missed = (at: number) =>
  ({ scheduledFor: NOON + at * 1000, outcome: "missed", reason: "down", jitterMs: 0 }) as const;

describe("jobs.save of a job with a former id", () => {
  test("moves its runs, with the definitions that they started with", () => {
    using store = memoryStore();
    const first = run(store, old);
    store.jobs.save([renamed()], NOON + 1);
    expect(runIds(store, "new")).toEqual([first.id]);
    expect(runIds(store, "old")).toEqual([]);
    const moved = store.runs.find(first.id);
    expect(moved).toMatchObject({ jobId: NEW, status: "running" });
    expect(store.jobs.getDefinition(moved?.versionId ?? 0)).toEqual({ ...old, id: NEW });
    expect(store.runs.listNewestByJob().get(NEW)?.id).toBe(first.id);
  });

  test("moves the files that its triggers have seen, and the patterns that they look for", () => {
    using store = memoryStore();
    const file = { folder: "/in", folderInode: "2", name: "a.csv", stat: "3:4:5", digest: null, digestedCtime: null };
    store.jobs.save([old], NOON);
    for (const id of [OLD, NEW]) store.seenFiles.add({ jobId: id, trigger: null }, file, NOON);
    store.seenFiles.setPatterns({ jobId: OLD, trigger: null }, ["/in/*.csv"]);
    store.jobs.save([renamed()], NOON + 1);
    expect(store.seenFiles.list({ jobId: NEW, trigger: null })).toEqual([file]);
    expect([...store.seenFiles.listPatterns({ jobId: NEW, trigger: null }).keys()]).toEqual(["/in/*.csv"]);
    expect(store.seenFiles.list({ jobId: OLD, trigger: null })).toEqual([]);
  });

  test("continues its ledger and schedule, so that nothing is due twice or never", () => {
    using store = memoryStore();
    store.jobs.save([old], NOON - 5_000);
    store.occurrences.record(OLD, [missed(0), missed(1)], NOON);
    store.jobs.advanceAccountedUntil(OLD, NOON + 1);
    const stored = store.jobs.save([renamed()], NOON + 99_000).get(NEW);
    expect(stored).toMatchObject({ accountedUntil: NOON + 1, firstSeenAt: NOON - 5_000 });
    expect(store.jobs.list().get(NEW)).toMatchObject({ accountedUntil: NOON + 1, firstSeenAt: NOON - 5_000 });
    expect(ledger(store, "new")).toEqual(["0 missed", "1 missed"]);
    expect(ledger(store, "old")).toEqual([]);
  });

  test("has no past if the schedule changed as well, or if the old job was removed before", () => {
    using store = memoryStore();
    store.jobs.save([old], NOON);
    expect(store.jobs.save([renamed({ schedule: schedule("@daily") })], NOON + 9).get(NEW)?.accountedUntil).toBe(
      NOON + 9,
    );
    using other = memoryStore();
    other.jobs.save([old], NOON);
    other.jobs.save([], NOON + 5);
    expect(other.jobs.save([renamed()], NOON + 9).get(NEW)).toMatchObject({
      accountedUntil: NOON + 9,
      firstSeenAt: NOON,
    });
  });

  test("keeps the mark of @reboot, unless the job was removed before", () => {
    using store = memoryStore();
    const atBoot = { schedule: schedule("@reboot") };
    store.jobs.save([job("old", atBoot)], NOON);
    store.jobs.setBoot(OLD, "first");
    expect(store.jobs.save([renamed(atBoot)], NOON).get(NEW)?.bootId).toBe("first");
    expect(store.jobs.list().get(NEW)?.bootId).toBe("first");
  });

  test("stays paused; a job that was there before keeps its own state", () => {
    using store = memoryStore();
    store.jobs.save([old], NOON);
    store.jobs.setPaused(OLD, { at: NOON, by: "ada" }, { now: NOON, by: "ada" });
    store.jobs.save([renamed()], NOON + 1);
    expect([...store.jobs.listPaused()]).toEqual([[NEW, { at: NOON, by: "ada" }]]);
    using other = memoryStore();
    other.jobs.save([old, renamed({ formerly: [] })], NOON);
    other.jobs.setPaused(OLD, { at: NOON, by: null }, { now: NOON, by: null });
    other.jobs.save([renamed()], NOON + 1);
    expect([...other.jobs.listPaused()]).toEqual([]);
  });

  test("moves idempotency keys, so that a repeated trigger starts nothing", () => {
    using store = memoryStore();
    const requests = [`["old",[["day","[\\"old\\","]]]`, `["older",[]]`];
    const runs = requests.map((request, index) =>
      startRun(store, { job: old, idempotency: { key: `k${index}`, request } }),
    );
    store.jobs.save([renamed()], NOON + 1);
    expect(store.runs.findIdempotencyKey("k0", NOON)).toEqual({
      runId: runs[0]?.id ?? newRunId(NOON),
      request: `["new",[["day","[\\"old\\","]]]`,
    });
    expect(store.runs.findIdempotencyKey("k1", NOON)?.request).toBe(`["older",[]]`);
  });

  test("moves notifications to the channel of the new id, in order", () => {
    using store = memoryStore();
    const { versionId = 0 } = store.jobs.save([old], NOON).get(OLD) ?? {};
    const sending = { versionId, jobId: OLD, target: 0, channel: channelOf(OLD, HOOK), event: "failure" } as const;
    for (const id of ["1", "2"]) store.notifications.queue({ ...sending, id, runId: null, notice: "{}" }, NOON);
    store.jobs.save([renamed()], NOON + 1);
    const channel = channelOf(NEW, HOOK);
    expect(store.notifications.listWaitingChannels()).toEqual([channel]);
    expect(store.notifications.findNext(channel)).toMatchObject({ id: "1", jobId: NEW });
  });

  test("merges the histories of ids that were both in use", () => {
    using store = memoryStore();
    const first = run(store, old);
    const second = run(store, renamed({ formerly: [] }), NOON + 1);
    store.jobs.save([old, renamed({ formerly: [] })], NOON + 2);
    store.occurrences.record(OLD, [missed(1), missed(2)], NOON);
    store.occurrences.record(NEW, [missed(2), missed(3), missed(4)], NOON);
    const fired = startRun(store, {
      job: old,
      now: NOON + 3,
      trigger: "schedule",
      scheduledFor: NOON + 4_000,
      ledger: { jitterMs: 0 },
    });
    const { accountedUntil = 0 } = store.jobs.list().get(NEW) ?? {};
    expect(store.jobs.save([renamed()], NOON + 9).get(NEW)?.accountedUntil).toBe(accountedUntil);
    expect(runIds(store, "new")).toEqual([fired.id, second.id, first.id]);
    expect(ledger(store, "new")).toEqual(["1 missed", "2 missed", "3 missed", "4 fired"]);
    expect(ledger(store, "old")).toEqual([]);
  });

  test("records the rename once, and moves the events", () => {
    using store = memoryStore();
    run(store, old);
    const count = () => store.events.after(0, 99).filter(({ type }) => type === "job.renamed");
    store.jobs.save([renamed()], NOON + 1);
    store.jobs.save([renamed()], NOON + 2);
    store.jobs.save([renamed({ name: "other" })], NOON + 3);
    expect(count()).toMatchObject([{ jobId: NEW, reason: "old", at: NOON + 1 }]);
    expect(store.events.after(0, 99).filter(({ jobId: id }) => id === OLD)).toEqual([]);
  });

  test("makes the old id lead to the new one, also when `formerly` is gone, and over several renames", () => {
    using store = memoryStore();
    run(store, old);
    store.jobs.save([renamed()], NOON + 1);
    store.jobs.save([renamed({ formerly: [] })], NOON + 2);
    expect([...store.jobs.listRenamed()]).toEqual([[OLD, NEW]]);
    store.jobs.save([job("newer", { formerly: [NEW] })], NOON + 3);
    expect(new Map(store.jobs.listRenamed())).toEqual(new Map([OLD, NEW].map((id) => [id, jobId("newer")])));
    expect(runIds(store, "newer")).toHaveLength(1);
    store.jobs.save([], NOON + 4);
    expect(store.jobs.findGone("old")?.job.id).toBe(jobId("newer"));
    expect([...store.jobs.listGone().keys()]).toEqual([jobId("newer")]);
  });

  test("follows an id that was renamed in between, and goes back to the first one", () => {
    using store = memoryStore();
    const first = run(store, old);
    store.jobs.save([renamed()], NOON + 1);
    store.jobs.save([job("newer", { formerly: [OLD] })], NOON + 2);
    expect(runIds(store, "newer")).toEqual([first.id]);
    store.jobs.save([job("old", { ...SCHEDULED, formerly: [jobId("newer")] })], NOON + 3);
    expect(runIds(store, "old")).toEqual([first.id]);
    expect(new Map(store.jobs.listRenamed())).toEqual(new Map([NEW, jobId("newer")].map((id) => [id, OLD])));
  });

  test("leaves a job alone that uses the id again: it is new", () => {
    using store = memoryStore();
    const first = run(store, old);
    store.jobs.save([renamed()], NOON + 1);
    const stored = store.jobs.save([old, renamed({ formerly: [] })], NOON + 2).get(OLD);
    expect(stored).toMatchObject({ firstSeenAt: NOON + 2, accountedUntil: NOON + 2 });
    expect([runIds(store, "old"), runIds(store, "new")]).toEqual([[], [first.id]]);
    expect(store.jobs.listRenamed().size).toBe(0);
    // It can't be taken over while it is there.
    store.jobs.save([old, renamed()], NOON + 3);
    expect(store.jobs.listRenamed().size).toBe(0);
  });

  test("does not take over what another job has taken", () => {
    using store = memoryStore();
    const first = run(store, old);
    store.jobs.save([renamed(), job("third", { formerly: [OLD] })], NOON + 1);
    store.jobs.save([renamed(), job("third", { formerly: [OLD] })], NOON + 2);
    expect(runIds(store, "new")).toEqual([first.id]);
  });

  test("leaves versions that can be deleted, and runs whose version is shared", () => {
    using store = memoryStore();
    const first = run(store, old);
    store.jobs.save([{ ...old, id: NEW }], NOON + 1);
    store.jobs.save([{ ...old, id: NEW }, old], NOON + 2);
    store.jobs.save([renamed()], NOON + 3);
    const { versionId = 0 } = store.runs.find(first.id) ?? {};
    expect(store.jobs.getDefinition(versionId)).toEqual({ ...old, id: NEW });
    for (let after: number | null = 0; after !== null; ) after = store.versions.deleteUnused(after, 10);
    expect(store.jobs.getDefinition(versionId).id).toBe(NEW);
  });

  test("makes an id lead to it that the database has never known, as on another machine", () => {
    using store = memoryStore();
    store.jobs.save([renamed()], NOON);
    expect([...store.jobs.listRenamed()]).toEqual([[OLD, NEW]]);
    expect(store.jobs.listGone().size).toBe(0);
    expect(store.events.after(0, 99).filter(({ type }) => type === "job.renamed")).toEqual([]);
    store.jobs.save([renamed({ formerly: [] })], NOON + 1);
    const third = job("third", { ...SCHEDULED, formerly: [NEW] });
    store.jobs.save([third], NOON + 2);
    expect([...store.jobs.listRenamed()].sort()).toEqual([
      [NEW, third.id],
      [OLD, third.id],
    ]);
    const again = store.jobs.save([old, third], NOON + 3).get(OLD);
    expect(again).toMatchObject({ firstSeenAt: NOON + 3, accountedUntil: NOON + 3 });
    expect([...store.jobs.listRenamed()]).toEqual([[NEW, third.id]]);
  });

  test("moves the runs of an id that only a single command used after the rename", () => {
    using store = memoryStore();
    store.jobs.save([old], NOON);
    store.jobs.save([renamed()], NOON + 1);
    const { versionId = 0 } = store.jobs.saveDefinitions([old], NOON + 2).get(OLD) ?? {};
    expect(store.jobs.findGone("old")?.job.id).toBe(OLD);
    const late = store.runs.start({
      ...{ id: run(memoryStore(), old).id, job: old, versionId, status: "running", trigger: "manual", params: {} },
      ...{ now: NOON, scheduledFor: null, ledger: null, retry: null, idempotency: null },
    });
    store.jobs.save([renamed()], NOON + 3);
    expect(runIds(store, "new")).toEqual([late.id]);
    expect([...store.jobs.listRenamed()]).toEqual([[OLD, NEW]]);
  });
});
