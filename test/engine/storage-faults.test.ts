import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { openRuntime } from "#runtime";
import { silentLog } from "../../src/lib/log.ts";
import type { Runtime, SqlDatabase } from "../../src/runtime/runtime.ts";
import { command, job, jobId, schedule, shell } from "../support/engine/factories.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { startEngine, waitFor } from "../support/engine/started-engine.ts";

/** A runtime whose database rejects writes, as on a full or read-only disk. */
const brittle = () => {
  const runtime = openRuntime();
  const opened: SqlDatabase[] = [];
  const openDatabase: Runtime["openDatabase"] = (path, options) => {
    const db = runtime.openDatabase(path, options);
    if (options?.readonly !== true) opened.push(db);
    return db;
  };
  const all = (sql: (db: SqlDatabase) => string): void => {
    for (const db of opened) db.exec(sql(db));
  };
  return {
    runtime: { ...runtime, openDatabase },
    breakIt: () => all(() => "PRAGMA query_only = 1"),
    fill: () => all((db) => `PRAGMA max_page_count = ${Number(db.prepare("PRAGMA page_count").get()?.page_count)}`),
    repair: () => all(() => "PRAGMA query_only = 0; PRAGMA max_page_count = 1000000"),
  };
};

const REFUSED = { code: "storage_failed" };

describe("a database that can't be written", () => {
  test("is reported by health until it can be written again", async () => {
    const { runtime, breakIt, repair } = brittle();
    await using petit = await startEngine({ log: silentLog, runtime, jobs: [job("hello")] });
    expect(petit.engine.health()).toEqual({ status: "ok", reasons: [] });
    breakIt();
    expect(petit.engine.health()).toMatchObject({
      status: "unavailable",
      reasons: [{ code: "database_unwritable", sqliteCode: "SQLITE_READONLY" }],
    });
    repair();
    expect(petit.engine.health()).toEqual({ status: "ok", reasons: [] });
  });

  test("makes triggers fail without a process and without using a place", async () => {
    const { runtime, breakIt, repair } = brittle();
    let spawned = 0;
    const counting: Runtime = {
      ...runtime,
      spawn: (options) => {
        spawned++;
        return runtime.spawn(options);
      },
    };
    await using petit = await startEngine({
      log: silentLog,
      runtime: counting,
      jobs: [job("hello", { maxConcurrency: 1 })],
    });
    breakIt();
    await expect(petit.trigger("hello")).rejects.toMatchObject(REFUSED);
    const both = await Promise.allSettled([petit.trigger("hello"), petit.trigger("hello")]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
    expect(petit.store.runs.list({ limit: 9 })).toEqual([]);
    expect(spawned).toBe(0);
    repair();
    expect((await petit.run("hello")).run.status).toBe("completed");
  });

  test("can still be read", async () => {
    const { runtime, breakIt, repair } = brittle();
    await using petit = await startEngine({ log: silentLog, runtime, jobs: [job("hello")] });
    const { run } = await petit.run("hello");
    breakIt();
    expect(petit.read(run.id).summary).toBe("only completed");
    expect(petit.engine.findJob("hello")?.lastRun?.status).toBe("completed");
    repair();
  });

  test("delays the end of a run until it is stored, and loses no output", async () => {
    using door = gate();
    const { runtime, breakIt, repair } = brittle();
    const clock = new FakeClock();
    const tasks = [
      shell("a", `echo one; ${door.wait}; echo two; echo "k=v" > "$PETIT_OUTPUT"; exit 0`),
      command("b", "echo", { after: ["a"], args: ["${{ tasks.a.outputs.k }}"] }),
    ];
    await using petit = await startEngine({ log: silentLog, runtime, clock, jobs: [job("slow", { tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    breakIt();
    door.open();
    for (let second = 0; second < 30; second++) await clock.pass(1_000);
    await waitFor(() => existsSync(`${petit.dir}/spool/1.outputs`));
    expect(petit.read(id).summary).toBe("a running · b pending");
    repair();
    const ended = await clock.passUntil(petit.ended(id));
    expect(ended.run.status).toBe("completed");
    expect(ended.output()).toBe("one\ntwo\nv\n");
    expect(ended.attempts).toHaveLength(2);
    expect(petit.spooled).toEqual([]);
  });

  test("stores the ends of many runs separately, as soon as possible", async () => {
    using door = gate();
    const { runtime, fill, repair } = brittle();
    const clock = new FakeClock();
    const jobs = [job("slow", { tasks: [shell("t", `${door.wait}; head -c 200000 /dev/zero | tr '\\0' x`)] })];
    await using petit = await startEngine({ log: silentLog, runtime, clock, jobs });
    const runs = await Promise.all(Array.from({ length: 5 }, () => petit.trigger("slow")));
    for (const _ of runs) await door.reached();
    fill();
    door.open(5);
    for (let second = 0; second < 20; second++) await clock.pass(1_000);
    expect(runs.map(({ id }) => petit.read(id).run.status)).toEqual(runs.map(() => "running"));
    repair();
    for (const { id } of runs) {
      const ended = await clock.passUntil(petit.ended(id));
      expect(ended.run.status).toBe("completed");
      expect(ended.bytes()).toHaveLength(200_000);
    }
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test("refuses a cancel that it can't store, and accepts it later", async () => {
    using door = gate();
    const { runtime, breakIt, repair } = brittle();
    await using petit = await startEngine({
      log: silentLog,
      runtime,
      jobs: [job("slow", { tasks: [shell("t", door.wait)] })],
    });
    const { id } = await petit.trigger("slow");
    await door.reached();
    breakIt();
    await expect(petit.engine.cancel(id)).rejects.toThrow(expect.objectContaining(REFUSED));
    await expect(petit.engine.pause()).rejects.toThrow(expect.objectContaining(REFUSED));
    expect(petit.engine.state).toBe("running");
    repair();
    await petit.engine.cancel(id);
    expect((await petit.ended(id)).run.status).toBe("cancelled");
  });

  test("does not keep the timeout of a run from ending it", async () => {
    const { runtime, breakIt, repair } = brittle();
    const clock = new FakeClock();
    const jobs = [job("slow", { timeoutMs: 60_000, tasks: [shell("t", "sleep 60")] })];
    await using petit = await startEngine({ log: silentLog, runtime, clock, jobs });
    const { id } = await petit.trigger("slow");
    breakIt();
    await clock.pass(90_000);
    repair();
    expect((await clock.passUntil(petit.ended(id))).run).toMatchObject({ status: "failed", reason: "timeout" });
  });

  test("fires due occurrences once, as soon as possible", async () => {
    const { runtime, breakIt, repair } = brittle();
    const clock = new FakeClock();
    await using petit = await startEngine({
      log: silentLog,
      runtime,
      clock,
      jobs: [job("tick", { schedule: schedule("* * * * *") })],
    });
    await clock.pass(30_000);
    breakIt();
    await clock.pass(60_000);
    repair();
    await clock.pass(2_000);
    const ledger = petit.store.occurrences.list(jobId("tick"), { limit: 9 });
    expect(ledger).toMatchObject([{ outcome: "fired" }]);
    expect(petit.store.runs.find(ledger[0]?.runId ?? expect.unreachable())?.trigger).toBe("catchup");
  });

  test("starts a pending run as soon as possible", async () => {
    using door = gate();
    const { runtime, breakIt, repair } = brittle();
    const clock = new FakeClock();
    const tasks = [shell("t", door.wait)];
    const jobs = [job("tick", { schedule: schedule("* * * * *"), maxConcurrency: 1, onOverlap: "queue", tasks })];
    await using petit = await startEngine({ log: silentLog, runtime, clock, jobs });
    await clock.pass(120_000);
    await door.reached();
    breakIt();
    door.open(2);
    await clock.pass(10_000);
    repair();
    await clock.passUntil(door.reached());
    const [second, first] = petit.store.runs.list({ limit: 9 }).slice(-2);
    await clock.passUntil(petit.event("run.finished", { runId: second?.id ?? null }));
    expect([first, second].map((run) => petit.read(run?.id ?? expect.unreachable()).run.status)).toEqual([
      "completed",
      "completed",
    ]);
  });
});
