import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobsWatcher, type WatchOptions } from "../../../src/app/job-files/watch.ts";
import { readState, scanFolder } from "../../../src/jobfile/read/scan.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { reportsChanges } from "../../../src/lib/files/reports-changes.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { type TempFolder, tempFolder } from "../../support/cli.ts";
import { recordingLog } from "../../support/recording-log.ts";

/** Does `change` in a watched folder, and resolves when the watch has told of it. */
const toldOf = async (change: (folder: TempFolder) => void): Promise<void> => {
  using folder = tempFolder();
  folder.write("a.yaml", "id: a\n");
  const told = Promise.withResolvers<void>();
  const onChange = async (): Promise<void> => told.resolve();
  await using _ = await watchJobs({ dir: folder.path, clock: patient, log: silentLog, onChange });
  change(folder);
  await told.promise;
};

const watchJobs = async (options: WatchOptions): Promise<JobsWatcher> => {
  const watcher = new JobsWatcher(options);
  watcher.start(await scanFolder(options.dir));
  return watcher;
};

/** Only events cause a check: the next one without an event is far away. */
const patient: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs > 1_000 ? 2 ** 31 - 1 : delayMs),
};

/** Looks without an event come soon. */
const hasty: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs / 100),
};

describe("a file that a job file names", () => {
  const state = (path: string) => ({ path, stamp: readState(path)?.stamp ?? null });

  test.each([
    ["in the folder, by an event", "dates.txt", patient],
    ["outside of the folder, by a look", "../dates.txt", hasty],
  ] as const)("is watched %s", async (_where, name, clock) => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", "id: a\n");
    const dir = join(folder.path, "jobs");
    const path = join(dir, name);
    let references = [state(path)];
    const told = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let count = 0;
    const onChange = async (): Promise<void> => {
      references = [state(path)];
      told[count++]?.resolve();
    };
    await using _ = await watchJobs({ dir, clock, log: silentLog, onChange, references: () => references });
    writeFileSync(path, "2026-12-25\n");
    await told[0]?.promise;
    appendFileSync(path, "2026-12-26\n");
    await told[1]?.promise;
    rmSync(path);
    await told[2]?.promise;
  });
});

describe("watchJobs", () => {
  const changes: readonly (readonly [string, (folder: TempFolder) => void])[] = [
    ["a file is added", (folder) => folder.write("b.yml", "id: b\n")],
    ["a file is changed", ({ path }) => appendFileSync(join(path, "a.yaml"), "name: A\n")],
    ["a file is removed", ({ path }) => rmSync(join(path, "a.yaml"))],
    ["a file is added in a new folder", (folder) => folder.write("deep/er/c.yaml", "id: c\n")],
    [
      "an editor saves by renaming",
      ({ path }) => {
        writeFileSync(join(path, ".a.yaml.swp"), "id: changed\n");
        renameSync(join(path, ".a.yaml.swp"), join(path, "a.yaml"));
      },
    ],
  ];
  test.each(changes)("reports when %s", async (_, change) => {
    await toldOf(change);
  });

  test("reports a change in a folder that was added or renamed later", async () => {
    using folder = tempFolder();
    using elsewhere = tempFolder();
    elsewhere.write("deep/a.yaml", "id: a\n");
    let told = Promise.withResolvers<void>();
    const onChange = async (): Promise<void> => told.resolve();
    await using _ = await watchJobs({ dir: folder.path, clock: patient, log: silentLog, onChange });
    const changes = [
      () => folder.write("new/deep/b.yaml", "id: b\n"),
      () => folder.write("new/deep/b.yaml", "id: changed\n"),
      () => renameSync(join(elsewhere.path, "deep"), join(folder.path, "moved")),
      () => folder.write("moved/a.yaml", "id: changed\n"),
      () => renameSync(join(folder.path, "moved"), join(folder.path, "renamed")),
      () => folder.write("renamed/a.yaml", "id: changed-again\n"),
    ];
    for (const change of changes) {
      told = Promise.withResolvers();
      change();
      await told.promise;
    }
  });

  test("reports a folder that took the place of JOBS_DIR, and watches it", async () => {
    using parent = tempFolder();
    parent.write("jobs/a.yaml", "id: a\n");
    parent.write("next/b.yaml", "id: b\n");
    parent.write("later/c.yaml", "id: c\n");
    symlinkSync("jobs", join(parent.path, "current"));
    let told = Promise.withResolvers<void>();
    const onChange = async (): Promise<void> => told.resolve();
    const dir = join(parent.path, "current");
    await using _ = await watchJobs({ dir, clock: hasty, log: silentLog, onChange });
    const changes = [
      () => {
        symlinkSync("next", join(parent.path, "new-link"));
        renameSync(join(parent.path, "new-link"), dir);
      },
      () => parent.write("next/b.yaml", "id: changed\n"),
      () => rmSync(dir),
      () => symlinkSync("later", dir),
      () => parent.write("later/c.yaml", "id: changed\n"),
    ];
    for (const change of changes) {
      told = Promise.withResolvers();
      change();
      await told.promise;
    }
  });

  const folders = [
    { what: "every minute if all changes have events", prepare: () => {}, polls: reportsChanges(tmpdir()) ? 12 : 1 },
    {
      what: "every five seconds if a link leads elsewhere",
      prepare: ({ path }: TempFolder) => symlinkSync("a.yaml", join(path, "link.yaml")),
      polls: 1,
    },
  ];
  test.each(folders)("looks without an event $what", async ({ prepare, polls }) => {
    using folder = tempFolder();
    folder.write("a.yaml", "id: a\n");
    prepare(folder);
    const told = Promise.withResolvers<void>();
    const delays: number[] = [];
    let fire = (): void => {};
    const waiting = { wake: Promise.withResolvers<void>() };
    const clock: Clock = {
      ...systemClock,
      setTimeout: (callback, delayMs) => {
        delays.push(delayMs);
        fire = callback;
        waiting.wake.resolve();
        return () => {};
      },
    };
    const onChange = async (): Promise<void> => told.resolve();
    await using _ = await watchJobs({ dir: folder.path, clock, log: silentLog, onChange });
    // A write through a hard link in another folder has no event.
    using elsewhere = tempFolder();
    linkSync(join(folder.path, "a.yaml"), join(elsewhere.path, "same.yaml"));
    const before = delays.length;
    appendFileSync(join(elsewhere.path, "same.yaml"), "name: A\n");
    let isTold = false;
    void told.promise.then(() => {
      isTold = true;
    });
    let count = 0;
    while (!isTold) {
      count++;
      waiting.wake = Promise.withResolvers();
      fire();
      await Promise.race([waiting.wake.promise, told.promise]);
    }
    expect(delays.slice(before - 1)).toEqual(Array.from({ length: delays.length - before + 1 }, () => 5_000));
    expect(count).toBe(polls);
  });

  // The system has no event for these.
  const unseen: readonly (readonly [string, (elsewhere: TempFolder, folder: TempFolder) => void])[] = [
    ["a file is changed in a folder that a link leads to", ({ write }) => write("a.yaml", "id: changed\n")],
    ["an empty folder is removed", (_, { path }) => rmSync(path, { recursive: true })],
  ];
  test.each(unseen)("reports when %s", async (what, change) => {
    using elsewhere = tempFolder();
    elsewhere.write("a.yaml", "id: a\n");
    using folder = tempFolder();
    if (what.includes("link")) symlinkSync(elsewhere.path, join(folder.path, "linked"));
    const told = Promise.withResolvers<void>();
    const onChange = async (): Promise<void> => told.resolve();
    await using _ = await watchJobs({ dir: folder.path, clock: hasty, log: silentLog, onChange });
    change(elsewhere, folder);
    await told.promise;
  });

  test("watches the readable files if a folder is unreadable", async () => {
    using folder = tempFolder();
    symlinkSync("loop", join(folder.path, "loop"));
    folder.write("closed/b.yaml", "id: b\n");
    chmodSync(join(folder.path, "closed"), 0);
    folder.write("a.yaml", "id: a\n");
    const told = Promise.withResolvers<void>();
    const onChange = async (): Promise<void> => told.resolve();
    await using _ = await watchJobs({ dir: folder.path, clock: hasty, log: silentLog, onChange });
    folder.write("a.yaml", "id: changed\n");
    await told.promise;
    chmodSync(join(folder.path, "closed"), 0o700);
  });

  test("reports a change again if the reload failed", async () => {
    using folder = tempFolder();
    folder.write("a.yaml", "id: a\n");
    const taken = Promise.withResolvers<void>();
    let calls = 0;
    const onChange = async (): Promise<void> => {
      calls++;
      if (calls < 3) throw new Error("the database is locked");
      taken.resolve();
    };
    const log = recordingLog();
    await using _ = await watchJobs({ dir: folder.path, clock: hasty, log, onChange });
    folder.write("b.yaml", "id: b\n");
    await taken.promise;
    const told = log
      .text()
      .split("\n")
      .filter((line) => line.includes("could not be reloaded"));
    expect(told).toHaveLength(1);
  });

  test("ignores files that are not job files", async () => {
    using folder = tempFolder();
    const changes: string[] = [];
    const told = Promise.withResolvers<void>();
    const onChange = async (): Promise<void> => {
      changes.push("told");
      told.resolve();
    };
    await using _ = await watchJobs({ dir: folder.path, clock: systemClock, log: silentLog, onChange });
    folder.write("notes.txt", "x");
    folder.write(".hidden.yaml", "x");
    mkdirSync(join(folder.path, ".git"));
    folder.write(".git/x.yaml", "x");
    folder.write("real.yaml", "id: real\n");
    await told.promise;
    expect(changes).toEqual(["told"]);
  });
});
