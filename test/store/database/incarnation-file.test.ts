import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { openRuntime } from "#runtime";
import { backUp } from "../../../src/store/backup/backup.ts";
import { anchorDatabase, type RestoreSign } from "../../../src/store/database/incarnation-file.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../../support/engine/factories.ts";
import { startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

type Opened = { readonly sign: RestoreSign | null; readonly token: string };

type Start = { readonly location?: string; readonly hasFiles?: boolean; readonly work?: (store: Store) => void };

/** Opens a database as a start of petit does, and closes it. */
const start = (path: string, { location, hasFiles = false, work = () => {} }: Start = {}): Opened => {
  using store = openStore({ path, runtime });
  using anchored = anchorDatabase({ store, path, now: NOON, location: location ?? null, isHere: () => hasFiles });
  work(store);
  return { sign: anchored.sign, token: store.identity.getToken() };
};

const pause = (store: Store): void => store.scheduler.setPaused({ at: NOON, by: null }, NOON);

const startAttempt = (store: Store): number => {
  const { run, node } = startTask(store);
  return store.runs.startAttempt(run, node, NOON).id;
};

const offerAttempt = (store: Store): number => {
  const { run, node } = startTask(store);
  return store.runs.offerAttempt(run, node, { labels: ["gpu"], now: NOON }).id;
};

const startTask = (store: Store) => {
  const definition = job("hello");
  const [task] = definition.tasks;
  if (task === undefined) throw new Error("a job without tasks");
  return { run: startRun(store, { job: definition }), node: { taskId: task.id, item: null } };
};

describe("a database", () => {
  test("that is started again is the same, also after it was killed", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const first = start(path, { work: pause });
    expect(first.sign).toBeNull();
    expect(start(path)).toEqual(first);
    // As a killed process leaves it.
    const store = openStore({ path, runtime });
    anchorDatabase({ store, path, now: NOON, location: null, isHere: () => false });
    pause(store);
    expect(start(path)).toEqual(first);
    store[Symbol.dispose]();
  });

  test("that moves with all of its files is the same", () => {
    using dir = tempDir();
    const first = start(dir.file("petit.db"), { work: pause });
    for (const name of readdirSync(dir.path)) cpSync(dir.file(name), dir.file(name.replace("petit.db", "moved.db")));
    expect(start(dir.file("moved.db"))).toEqual(first);
  });

  test.each<[string, RestoreSign, (file: (name: string) => string) => string]>([
    [
      "replaced by an older copy",
      "older",
      (file) => {
        cpSync(file("petit.db"), file("copy.db"));
        start(file("petit.db"), { work: pause });
        for (const suffix of ["", "-wal", "-shm"]) rmSync(file(`petit.db${suffix}`), { force: true });
        cpSync(file("copy.db"), file("petit.db"));
        return file("petit.db");
      },
    ],
    [
      "replaced by a copy from before there was a file beside it",
      "older",
      (file) => {
        cpSync(file("petit.db"), file("copy.db"));
        const copy = runtime.openDatabase(file("copy.db"));
        copy.exec("UPDATE identity SET anchored = 0");
        copy.close();
        start(file("petit.db"), { work: pause });
        for (const suffix of ["", "-wal", "-shm"]) rmSync(file(`petit.db${suffix}`), { force: true });
        cpSync(file("copy.db"), file("petit.db"));
        return file("petit.db");
      },
    ],
    [
      "copied without its other files",
      "copied",
      (file) => {
        cpSync(file("petit.db"), file("copy.db"));
        return file("copy.db");
      },
    ],
    [
      "copied over another one",
      "copied",
      (file) => {
        start(file("other.db"), { work: pause });
        cpSync(file("petit.db"), file("other.db"));
        return file("other.db");
      },
    ],
    [
      "copied by `petit backup`",
      "backup",
      (file) => {
        backUp({ path: file("petit.db"), target: file("copy.db"), runtime });
        return file("copy.db");
      },
    ],
    [
      "copied from a copy of `petit backup`",
      "backup",
      (file) => {
        backUp({ path: file("petit.db"), target: file("copy.db"), runtime });
        cpSync(file("copy.db"), file("petit.db"));
        return file("petit.db");
      },
    ],
  ])("that was %s counts as restored, once", (_, sign, restore) => {
    using dir = tempDir();
    const ids: number[] = [];
    const note = (store: Store): void => void ids.push(startAttempt(store));
    const first = start(dir.file("petit.db"), { work: note });
    const path = restore(dir.file);
    const restored = start(path, { work: note });
    expect(restored.sign).toBe(sign);
    expect(restored.token).not.toBe(first.token);
    expect(restored.token).toStartWith(`${first.token}.`);
    expect(ids[1]).toBeGreaterThan((ids[0] ?? 0) + 1_000);
    expect(start(path)).toEqual({ ...restored, sign: null });
  });

  test("that is new is not restored, although the file of a deleted one is there", () => {
    using dir = tempDir();
    const first = start(dir.file("petit.db"), { work: pause });
    rmSync(dir.file("petit.db"));
    const second = start(dir.file("petit.db"));
    expect(second.sign).toBeNull();
    expect(second.token).not.toBe(first.token);
  });

  test("of a worker that was copied to another folder counts as restored", () => {
    using dir = tempDir();
    const first = start(dir.file("petit.db"), { location: "one", work: pause });
    expect(start(dir.file("petit.db"), { location: "one" })).toEqual(first);
    for (const name of readdirSync(dir.path)) cpSync(dir.file(name), dir.file(name.replace("petit.db", "copy.db")));
    const copied = start(dir.file("copy.db"), { location: "two" });
    expect(copied.sign).toBe("moved");
    expect(copied.token).not.toBe(first.token);
    expect(start(dir.file("copy.db"), { location: "two" })).toEqual({ ...copied, sign: null });
  });

  test("that was restored takes back what it offered, and keeps only processes whose files are here", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const ids: number[] = [];
    const work = (store: Store): void => {
      const local = startAttempt(store);
      store.runs.recordProcess(local, { pid: 17, startTime: "1", bootId: "boot" });
      ids.push(local, offerAttempt(store));
    };
    start(path, { work });
    cpSync(path, dir.file("copy.db"));
    const read = (store: Store) => ({
      offer: store.offers.find(ids[1] ?? 0)?.state,
      bootId: store.runs
        .listUnfinished()
        .flatMap(({ id }) => store.runs.listAttempts(id))
        .find(({ id }) => id === ids[0])?.process?.bootId,
    });
    let found: unknown = null;
    const note = (store: Store): void => {
      found = read(store);
    };
    start(dir.file("copy.db"), { work: note });
    expect(found).toEqual({ offer: "withdrawn", bootId: "another" });
    cpSync(path, dir.file("other.db"));
    start(dir.file("other.db"), { hasFiles: true, work: note });
    expect(found).toEqual({ offer: "withdrawn", bootId: "boot" });
  });
});
