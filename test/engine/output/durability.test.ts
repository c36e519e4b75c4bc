import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Runtime, SqlDatabase, SqlStatement } from "../../../src/runtime/runtime.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

/** A runtime that counts the commits that sync the disk. */
const countingRuntime = () => {
  const runtime = openRuntime();
  let level = "";
  let synced = 0;
  const counted = (statement: SqlStatement): SqlStatement => ({
    ...statement,
    run: (params) => {
      if (level === "FULL") synced++;
      return statement.run(params);
    },
  });
  const openDatabase: Runtime["openDatabase"] = (path, options): SqlDatabase => {
    const db = runtime.openDatabase(path, options);
    return {
      ...db,
      exec: (sql) => {
        level = /synchronous = (\w+)/.exec(sql)?.[1] ?? level;
        db.exec(sql);
      },
      prepare: (sql) => (sql === "COMMIT" ? counted(db.prepare(sql)) : db.prepare(sql)),
    };
  };
  const during = async (work: () => Promise<unknown>): Promise<number> => {
    synced = 0;
    await work();
    return synced;
  };
  return { runtime: { ...runtime, openDatabase }, during };
};

test("a task that prints syncs the disk no more often than a silent one", async () => {
  const { runtime, during } = countingRuntime();
  const jobs = [
    job("silent", { tasks: [shell("t", "true")] }),
    job("loud", { tasks: [shell("t", "for i in 1 2 3; do echo $i; sleep 0.2; done")] }),
  ];
  await using petit = await startEngine({ jobs, runtime });
  const silent = await during(() => petit.run("silent"));
  expect(silent).toBeGreaterThan(0);
  expect(await during(() => petit.run("loud"))).toBe(silent);
});
