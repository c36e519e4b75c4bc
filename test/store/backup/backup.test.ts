import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import type { Run } from "../../../src/domain/run.ts";
import type { Attempt } from "../../../src/domain/task-run.ts";
import type { SqlRow } from "../../../src/runtime/runtime.ts";
import { backUp } from "../../../src/store/backup/backup.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { command, items, job } from "../../support/engine/factories.ts";
import { startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { copyFixtureDatabase, FIXTURE_SCHEMAS } from "../../support/engine/fixture-database.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

const query = (path: string, sql: string): SqlRow[] => {
  const db = runtime.openDatabase(path);
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
};

type Step = (store: Store, run: Run, attempt: Attempt) => void;

const hasProcess =
  (bootId: string): Step =>
  (store, _, { id }) =>
    store.runs.recordProcess(id, { pid: 4711, startTime: "12", bootId });

const claimed: Step = (store, run, attempt) => {
  const epoch = store.offers.find(attempt.id)?.epoch ?? 1;
  store.offers.claim(
    { attemptId: attempt.id, epoch },
    { worker: "box", instance: "i", process: null, nonce: "n", at: NOON },
  );
  store.runs.claimAttempt(run, attempt, { worker: "box", now: NOON });
};

const offeredAgain: Step = (store, run, attempt) => {
  claimed(store, run, attempt);
  store.offers.offerAgain({ attemptId: attempt.id, epoch: 1 }, NOON);
};

/** How far an attempt gets before it ends, or before the copy is made. */
const STAGES: Readonly<Record<string, { readonly isOffered: boolean; readonly step: Step }>> = {
  stored: { isOffered: false, step: () => {} },
  "has a process": { isOffered: false, step: hasProcess("this-boot") },
  "has a process without a boot": { isOffered: false, step: hasProcess("") },
  "waits for a run": {
    isOffered: false,
    step: (store, _, attempt) => store.runs.linkChild(attempt, startRun(store, { job: job("other") }).id),
  },
  offered: { isOffered: true, step: () => {} },
  claimed: { isOffered: true, step: claimed },
  "offered again": { isOffered: true, step: offeredAgain },
  "claimed again": {
    isOffered: true,
    step: (store, run, attempt) => {
      offeredAgain(store, run, attempt);
      claimed(store, run, attempt);
    },
  },
};

const END = ["none", "completed", "failed", "worker_lost", "retry"] as const;
type Case = { readonly stage: string; readonly end: (typeof END)[number]; readonly isItem: boolean };

const caseOf: fc.Arbitrary<Case> = fc.record({
  stage: fc.constantFrom(...Object.keys(STAGES)),
  end: fc.constantFrom(...END),
  isItem: fc.boolean(),
});

const PLAIN = command("plain", "true");
const EACH = command("each", "true", { items: items(["a"]) });
const ITEM = { index: 0, key: "a", value: "a", outputs: null, exitCode: null, childRunId: null };

/** Stores a run with one attempt. */
const makeAttempt = (store: Store, { stage, end, isItem }: Case): void => {
  const { isOffered = false, step = () => {} } = STAGES[stage] ?? {};
  const run = startRun(store, { job: job("hello", { tasks: [PLAIN, EACH] }) });
  if (isItem) store.runs.startItems(run, EACH.id, [ITEM], NOON);
  const node = isItem ? { taskId: EACH.id, item: 0 } : { taskId: PLAIN.id, item: null };
  const attempt = isOffered
    ? store.runs.offerAttempt(run, node, { labels: ["gpu"], now: NOON })
    : store.runs.startAttempt(run, node, NOON);
  step(store, run, attempt);
  if (end === "none") return;
  const outcome =
    end === "completed"
      ? ({ status: "completed", reason: null, error: null, exitCode: 0, signal: null } as const)
      : ({
          status: "failed",
          reason: end === "worker_lost" ? end : "exit_code",
          error: "it failed",
          exitCode: 1,
          signal: null,
        } as const);
  store.runs.finishAttempt(attempt.id, outcome, { now: NOON + 10, retryAt: end === "retry" ? NOON + 20 : null });
};

/** Returns the rows of every table, without the processes of running attempts, the process that uses the database, and the mark of a copy. */
const rowsOf = (path: string): Readonly<Record<string, readonly SqlRow[]>> =>
  Object.fromEntries(
    query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").map(({ name }) => [
      String(name),
      query(path, `SELECT * FROM ${name}`).map((row) => (isDetached(String(name), row) ? detached(row) : row)),
    ]),
  );

const isDetached = (table: string, { status }: SqlRow): boolean =>
  table === "scheduler" || table === "identity" || (table === "attempts" && status === "running");

const detached = ({ pid: _, pid_started: __, boot_id: ___, holder: ____, copied_at: _____, ...row }: SqlRow): SqlRow =>
  row;

/** Makes a copy, opens it as the next petit does, and compares it with the original. */
const expectWholeCopy = (path: string, copy: string): void => {
  expect(backUp({ path, target: copy, runtime })).toBeGreaterThan(0);
  expect(rowsOf(copy)).toEqual(rowsOf(path));
  expect(query(copy, "PRAGMA foreign_key_check")).toEqual([]);
  openStore({ path: copy, runtime })[Symbol.dispose]();
};

describe("the copy of a database", () => {
  test("is whole and can be opened, whatever its attempts do", () => {
    fc.assert(
      fc.property(fc.array(caseOf, { maxLength: 8 }), (cases) => {
        using dir = tempDir();
        using store = openStore({ path: dir.file("petit.db"), runtime });
        for (const each of cases) makeAttempt(store, each);
        expectWholeCopy(dir.file("petit.db"), dir.file("copy.db"));
      }),
      { numRuns: 12 },
    );
  });

  test.each(Object.keys(STAGES))("is whole if an attempt %s", (stage) => {
    using dir = tempDir();
    using store = openStore({ path: dir.file("petit.db"), runtime });
    makeAttempt(store, { stage, end: "none", isItem: false });
    expectWholeCopy(dir.file("petit.db"), dir.file("copy.db"));
  });

  test("has no process of the original, and loses no run and no worker that an attempt waits for", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    using store = openStore({ path, runtime });
    for (const stage of Object.keys(STAGES)) makeAttempt(store, { stage, end: "none", isItem: false });
    backUp({ path, target: dir.file("copy.db"), runtime });
    const ofBoot = "SELECT count(*) AS count FROM attempts WHERE status = 'running' AND";
    const has = (condition: string) => query(dir.file("copy.db"), `${ofBoot} ${condition}`)[0]?.count;
    expect(has("boot_id = 'another'")).toBe(3);
    expect(has("pid IS NULL AND child_run_id IS NULL AND id NOT IN (SELECT attempt_id FROM offers)")).toBe(0);
    expect(has("child_run_id IS NOT NULL")).toBe(1);
    expect(has("worker = 'box'")).toBe(2);
    expect(has("pid IS NOT NULL AND id IN (SELECT attempt_id FROM offers)")).toBe(0);
  });

  test.each(FIXTURE_SCHEMAS)("of schema %d keeps that schema and every row", (schema) => {
    using dir = tempDir();
    const { path, workerPath } = copyFixtureDatabase(schema, dir.path);
    for (const each of workerPath === null ? [path] : [path, workerPath]) expectWholeCopy(each, `${each}-copy`);
  });
});
