import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { newRunId } from "../../../src/domain/ids.ts";
import type { Run } from "../../../src/domain/run.ts";
import type { SqlParams } from "../../../src/runtime/runtime.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { listRuns, type RunListFilter } from "../../../src/store/runs/run-list.ts";
import type { NewRun } from "../../../src/store/runs/runs.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR_MS = 3_600_000;

/** A store with one run for each entry, oldest first, an hour apart. */
const storeWith = (...runs: readonly Partial<NewRun>[]): { readonly store: Store; readonly runs: readonly Run[] } => {
  const store = memoryStore();
  return { store, runs: runs.map((given, hour) => startRun(store, { now: NOON + hour * HOUR_MS, ...given })) };
};

const positions = (store: Store, runs: readonly Run[], filter: Partial<RunListFilter>): readonly number[] =>
  store.runs.list({ limit: 100, ...filter }).map(({ id }) => runs.findIndex((run) => run.id === id));

describe("the list of runs", () => {
  test("has the runs of a period, whose end is exclusive", () => {
    const { store, runs } = storeWith({}, {}, {}, {}, {});
    using _ = store;
    expect(positions(store, runs, { from: NOON + HOUR_MS })).toEqual([4, 3, 2, 1]);
    expect(positions(store, runs, { to: NOON + HOUR_MS })).toEqual([0]);
    expect(positions(store, runs, { from: NOON + HOUR_MS, to: NOON + 3 * HOUR_MS })).toEqual([2, 1]);
    expect(positions(store, runs, { from: NOON + 9 * HOUR_MS })).toEqual([]);
    expect(positions(store, runs, { to: NOON - 9 * HOUR_MS })).toEqual([]);
  });

  test("has all runs of a period in which the clock was set back", () => {
    const { store, runs } = storeWith({}, { now: NOON + 2 * HOUR_MS }, { now: NOON + HOUR_MS }, {});
    using _ = store;
    expect(positions(store, runs, { from: NOON + 2 * HOUR_MS })).toEqual([3, 1]);
    expect(positions(store, runs, { to: NOON + 2 * HOUR_MS })).toEqual([2, 0]);
  });

  test("finds a text in job, params, error and names, whatever its case", () => {
    const { store, runs } = storeWith(
      { job: job("load_sales") },
      { params: { region: 'Süd "a"\n' } },
      { triggeredBy: "Ada" },
      {},
    );
    using _ = store;
    const last = runs[3]?.id ?? newRunId(NOON);
    store.runs.finish(last, { status: "failed", reason: "exit_code", error: "task 'x' failed: exit code 3" }, NOON);
    const find = (text: string) => positions(store, runs, { text });
    expect(find("SALES")).toEqual([0]);
    expect(find('süd "A"')).toEqual([1]);
    expect(find("ada")).toEqual([2]);
    expect(find("exit code 3")).toEqual([3]);
    expect(find("%")).toEqual([]);
  });

  test("is filtered by param, trigger and excluded jobs", () => {
    const { store, runs } = storeWith(
      { params: { region: "eu" } },
      { params: { region: "us", "a.b": "" }, trigger: "retry" },
      { job: job("noise") },
    );
    using _ = store;
    expect(positions(store, runs, { param: { name: "region", value: "eu" } })).toEqual([0]);
    expect(positions(store, runs, { param: { name: "region", value: null } })).toEqual([1, 0]);
    expect(positions(store, runs, { param: { name: "a.b", value: "" } })).toEqual([1]);
    expect(positions(store, runs, { trigger: "retry" })).toEqual([1]);
    expect(positions(store, runs, { excludedJobs: ["noise", "unknown"] })).toEqual([1, 0]);
    expect(positions(store, runs, { trigger: "manual", excludedJobs: ["noise"], text: "eu" })).toEqual([0]);
  });

  test("says where the next page begins", () => {
    const { store, runs } = storeWith({}, {}, {});
    using _ = store;
    const first = store.runs.listPage({ limit: 2 });
    expect(first.next).toBe(runs[1]?.id ?? null);
    expect(store.runs.listPage({ limit: 2, ...(first.next !== null && { before: first.next }) })).toEqual({
      runs: runs.slice(0, 1),
      next: null,
    });
  });

  test("reads a limited number of runs in a search, and continues it", () => {
    const definition = job("many");
    const found = { job: definition, params: { day: "monday" } };
    const { store, runs } = storeWith(found, ...Array.from({ length: 5_000 }, () => ({ job: definition })));
    using _ = store;
    const search = { limit: 5, jobId: definition.id, text: "monday" };
    const first = store.runs.listPage(search);
    expect(first).toEqual({ runs: [], next: runs[1]?.id ?? null });
    expect(store.runs.listPage({ ...search, ...(first.next !== null && { before: first.next }) })).toEqual({
      runs: runs.slice(0, 1),
      next: null,
    });
  });

  test.each([
    ["running", {}, "runs_unfinished (status=? AND seq>? AND seq<?)"],
    ["pending", { text: "x" }, "runs_unfinished (status=? AND seq>? AND seq<?)"],
    ["failed", {}, "runs_unsuccessful (status=? AND seq>? AND seq<?)"],
    ["interrupted", { from: 1 }, "runs_unsuccessful (status=? AND seq>? AND seq<?)"],
    ["failed", { jobId: job("a").id }, "runs_job_unsuccessful (job_id=? AND status=? AND seq>? AND seq<?)"],
  ] as const)("reads the %s runs of %j by the index of the status", (status, filter, index) => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime: openRuntime() })[Symbol.dispose]();
    const db = openRuntime().openDatabase(path);
    const plans: string[] = [];
    const explain = (query: string, params: SqlParams = {}): void => {
      if (!query.includes("status = ")) return;
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${query}`).all(params);
      plans.push(...steps.map(({ detail }) => String(detail)).filter((detail) => /^(SEARCH|SCAN) runs/.test(detail)));
    };
    const sql = {
      get: (query: string, params?: SqlParams) => {
        explain(query, params);
        return null;
      },
      all: (query: string, params?: SqlParams) => {
        explain(query, params);
        return [];
      },
    };
    listRuns(sql, { limit: 10, status, ...filter });
    db.close();
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.filter((plan) => !plan.endsWith(index))).toEqual([]);
  });
});
