import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { receiverText, type WebhookTarget } from "../../src/domain/notification.ts";
import { SCHEMA_VERSION } from "../../src/store/database/migrate.ts";
import { openStore } from "../../src/store/database/open.ts";
import { findFailingTargets } from "../../src/store/failing-sendings.ts";
import type { Store } from "../../src/store/store.ts";
import { job, jobId } from "../support/engine/factories.ts";
import { NOON } from "../support/engine/fake-clock.ts";
import { tempDir } from "../support/temp-dir.ts";

const target = (url: string): WebhookTarget => ({
  type: "webhook",
  url,
  on: ["failure"],
  headers: {},
  secret: null,
  timeoutMs: 1_000,
});

/** Creates a store with one job that has two receivers. */
const opened = () => {
  const dir = tempDir();
  const path = dir.file("petit.db");
  const store = openStore({ path, runtime: openRuntime() });
  const notify = [target("https://a.example/x"), target("https://b.example/y")];
  const versionId = store.jobs.save([job("j", { notify })], NOON).get(jobId("j"))?.versionId ?? 0;
  let count = 0;
  const queue = (place: number): string => {
    const id = String(++count);
    const about = { versionId, jobId: jobId("j"), target: place, channel: String(place), event: "failure" } as const;
    store.notifications.queue({ id, ...about, runId: null, notice: "{}" }, NOON);
    return id;
  };
  const failing = (schema = SCHEMA_VERSION) => {
    const db = openRuntime().openDatabase(path);
    const found = findFailingTargets(db, schema);
    db.close();
    return found;
  };
  const rename = (table: string, to: string): void => {
    const db = openRuntime().openDatabase(path);
    db.exec(`ALTER TABLE ${table} RENAME TO ${to}`);
    db.close();
  };
  const undelivered = (givenUpSince = NOON) => store.notifications.listUndelivered(givenUpSince);
  return {
    store,
    queue,
    failing,
    rename,
    undelivered,
    notify,
    [Symbol.dispose]: () => [store, dir].map((each) => each[Symbol.dispose]()),
  };
};

const retryLater = (store: Store, id: string): void =>
  store.notifications.postpone(id, { dueAt: NOON, error: "answered 503" });
const deliver = (store: Store, id: string): void => store.notifications.finish(id, { status: "delivered" }, NOON);
const giveUp = (store: Store, id: string): void =>
  store.notifications.finish(id, { status: "given_up", error: "no" }, NOON);

describe("findFailingTargets", () => {
  test("returns nothing if all sendings succeeded or none was attempted", () => {
    using all = opened();
    expect(all.failing()).toEqual([]);
    deliver(all.store, all.queue(0));
    all.queue(0);
    expect(all.failing()).toEqual([]);
  });

  test("returns each failing receiver with its last error", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    deliver(all.store, all.queue(0));
    giveUp(all.store, all.queue(0));
    giveUp(all.store, all.queue(0));
    all.store.notifications.postpone(all.queue(1), { dueAt: NOON, error: "answered 503" });
    all.queue(1);
    expect(all.failing()).toEqual([
      { jobId: jobId("j"), target: target("https://b.example/y"), waiting: 1, givenUp: 0, error: "answered 503" },
      { jobId: jobId("j"), target: target("https://a.example/x"), waiting: 0, givenUp: 2, error: "no" },
    ]);
  });

  test("reads the table of an older schema by its former name", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    all.rename("deliveries", "events_from_outside");
    all.rename("sendings", "deliveries");
    expect(all.failing(9)).toHaveLength(1);
    all.rename("deliveries", "sendings");
    expect(all.failing()).toHaveLength(1);
  });

  test("omits a receiver after a successful sending", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    deliver(all.store, all.queue(0));
    expect(all.failing()).toEqual([]);
  });

  test("omits receivers that the job no longer names, and removed jobs", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    giveUp(all.store, all.queue(1));
    all.store.jobs.save([job("j", { notify: [target("https://b.example/y")] })], NOON);
    expect(all.failing().map((each) => receiverText(each.target))).toEqual(["https://b.example/…"]);
    all.store.jobs.save([], NOON);
    expect(all.failing()).toEqual([]);
  });
});

describe("undelivered notifications", () => {
  const counted = (count: number) => [{ jobId: jobId("j"), since: NOON, count }];

  test("are none if all arrived, or nothing was tried yet", () => {
    using all = opened();
    deliver(all.store, all.queue(0));
    all.queue(0);
    expect(all.undelivered()).toEqual([]);
  });

  test("are those of a receiver that is retried, with all that wait behind it, until one arrives", () => {
    using all = opened();
    const first = all.queue(0);
    retryLater(all.store, first);
    all.queue(0);
    all.queue(1);
    expect(all.undelivered()).toEqual(counted(2));
    deliver(all.store, first);
    expect(all.undelivered()).toEqual([]);
  });

  test("are those that were given up lately, until one arrives", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    deliver(all.store, all.queue(0));
    expect(all.undelivered()).toEqual([]);
    giveUp(all.store, all.queue(0));
    giveUp(all.store, all.queue(1));
    expect(all.undelivered()).toEqual(counted(2));
    expect(all.undelivered(NOON + 1)).toEqual([]);
  });

  test("are none of a receiver that has accepted a test since, until the next failure", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    giveUp(all.store, all.queue(1));
    all.store.notifications.acknowledge("0");
    expect(all.undelivered()).toEqual(counted(1));
    expect(all.failing()).toHaveLength(1);
    giveUp(all.store, all.queue(0));
    expect(all.undelivered()).toEqual(counted(2));
    expect(all.failing()).toHaveLength(2);
  });

  test("are none of a receiver that the job no longer names, or of a job that is gone", () => {
    using all = opened();
    giveUp(all.store, all.queue(0));
    giveUp(all.store, all.queue(1));
    all.store.jobs.save([job("j", { notify: [target("https://b.example/y")] })], NOON);
    expect(all.undelivered()).toEqual(counted(1));
    all.store.jobs.save([], NOON);
    expect(all.undelivered()).toEqual([]);
  });
});
