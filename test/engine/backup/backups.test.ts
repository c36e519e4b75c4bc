import { describe, expect, test } from "bun:test";
import { DEFAULT_KEEP } from "../../../src/domain/backup/rotation.ts";
import type { Copier } from "../../../src/engine/backup/copier.ts";
import type { BackupReport } from "../../../src/engine/backup/make-backup.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type StartOptions, startEngine } from "../../support/engine/started-engine.ts";
import { recordingLog } from "../../support/recording-log.ts";

const MINUTE = 60_000;
const FOLDER = "/backups";

/** A copier of a folder in memory. `next` is what the next backups answer; without it they work. */
const fakeCopier = (clock: FakeClock, copies: { at: number; bytes: number }[] = []) => {
  const made: number[] = [];
  const answers: BackupReport[] = [];
  let isReadable = true;
  let behindMs = 0;
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const copier: Copier = {
    list: () => {
      if (!isReadable) throw new Error("no such folder");
      return copies.toSorted((a, b) => b.at - a.at);
    },
    make: async () => {
      const now = clock.now();
      made.push(now);
      if (made.length > 20) throw new Error("one backup after the other");
      for (const { count, resolve } of waiting) if (made.length >= count) resolve();
      const answer = answers.shift();
      if (answer !== undefined) return answer;
      copies.push({ at: now - behindMs, bytes: 1_000 });
      return { file: `${FOLDER}/${now}.db`, bytes: 1_000, deleted: 0, damaged: [] };
    },
  };
  return {
    copier,
    copies,
    made,
    answers,
    /** The clock of the process that makes copies is so far behind. */
    setBehind: (ms: number) => {
      behindMs = ms;
    },
    unmount: () => {
      isReadable = false;
    },
    /** Resolves when so many backups were begun. */
    first: (count: number): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (made.length >= count) resolve();
      else waiting.push({ count, resolve });
      return promise;
    },
  };
};

const withBackups = (copier: Copier): Pick<StartOptions, "backup" | "settings"> => ({
  settings: { timezone: "UTC" },
  backup: { plan: { folder: FOLDER, at: "*/10 * * * *", keep: DEFAULT_KEEP, artifacts: true }, copier },
});

/** Passes ten minutes, most of them at once. */
const passTen = async (clock: FakeClock, until: Promise<void>): Promise<void> => {
  // What was begun settles, and then the clock is read every half minute.
  await clock.pass(0);
  clock.suspend(10 * MINUTE - 30_000);
  await clock.passUntil(until);
};

const FULL = { fault: "disk_full", error: "database or disk is full" } as const;

const attention = async (petit: Awaited<ReturnType<typeof startEngine>>) =>
  (await petit.engine.listAttention(10)).items.filter(({ kind }) => kind === "backup_failed");

describe("backups", () => {
  test("are made at the start if there is none, and then at each occurrence", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock);
    await using petit = await startEngine({ clock, ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    await passTen(clock, folder.first(2));
    await passTen(clock, folder.first(3));
    expect(folder.made).toEqual([NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE]);
    expect(petit.engine.backup).toMatchObject({ failing: null, copies: 3 });
  });

  test("are made up for at the start if the last one is older than a period", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock, [{ at: NOON - 11 * MINUTE, bytes: 1 }]);
    await using _petit = await startEngine({ clock, ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    expect(folder.made).toEqual([NOON]);
  });

  test("are not made at the start if the last one is newer than the last occurrence", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock, [{ at: NOON, bytes: 1 }]);
    await using _petit = await startEngine({ clock, ...withBackups(folder.copier) });
    await passTen(clock, folder.first(1));
    expect(folder.made).toEqual([NOON + 10 * MINUTE]);
  });

  test("need attention and count against health when one fails, until the next good one", async () => {
    const clock = new FakeClock();
    const log = recordingLog();
    const folder = fakeCopier(clock, [{ at: NOON, bytes: 7 }]);
    folder.answers.push(FULL, FULL);
    await using petit = await startEngine({ clock, log, ...withBackups(folder.copier) });
    await passTen(clock, folder.first(1));
    await passTen(clock, folder.first(2));
    const failed = { folder: FOLDER, ...FULL, since: NOON + 10 * MINUTE, lastAt: NOON };
    expect(await attention(petit)).toMatchObject([failed]);
    expect(petit.engine.health()).toMatchObject({
      status: "degraded",
      reasons: [{ code: "backup_failed", ...failed }],
    });
    await passTen(clock, folder.first(3));
    await clock.pass(1_000);
    expect(folder.made).toEqual([1, 2, 3].map((count) => NOON + count * 10 * MINUTE));
    expect(await attention(petit)).toEqual([]);
    expect(petit.engine.health().status).toBe("ok");
    expect(
      log
        .text()
        .split("\n")
        .filter((line) => line.includes("the backup failed")),
    ).toHaveLength(1);
  });

  test("that failed are tried again soon if the clock is set back", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock);
    folder.answers.push(FULL);
    await using _petit = await startEngine({ clock, log: recordingLog(), ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    await clock.pass(1_000);
    clock.step(-86_400_000);
    await clock.pass(60_000);
    expect(folder.made).toHaveLength(2);
  });

  test("that a person makes end a failure", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock);
    folder.answers.push(FULL);
    await using petit = await startEngine({ clock, log: recordingLog(), ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    await clock.pass(1_000);
    expect(await attention(petit)).toHaveLength(1);
    folder.copies.push({ at: clock.now(), bytes: 1 });
    await clock.pass(60_000);
    expect(await attention(petit)).toEqual([]);
    expect(folder.made).toHaveLength(1);
  });

  test("fail while the folder can't be read, and are no failure while another backup is at work", async () => {
    const clock = new FakeClock();
    const folder = fakeCopier(clock, [{ at: NOON, bytes: 7 }]);
    folder.unmount();
    folder.answers.push({ fault: "busy", error: "another backup is under way" });
    folder.answers.push({ fault: "folder_missing", error: "there is no folder /backups" });
    await using petit = await startEngine({ clock, log: recordingLog(), ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    expect(await attention(petit)).toEqual([]);
    await clock.passUntil(folder.first(2));
    await clock.pass(1_000);
    expect(folder.made).toEqual([NOON, NOON + 60_000]);
    expect(await attention(petit)).toMatchObject([{ fault: "folder_missing", lastAt: null }]);
  });

  test("are not made one after the other if the clock was set back while one was made", async () => {
    const clock = new FakeClock();
    const log = recordingLog();
    const folder = fakeCopier(clock);
    folder.setBehind(86_400_000);
    await using petit = await startEngine({ clock, log, ...withBackups(folder.copier) });
    await clock.passUntil(folder.first(1));
    await clock.pass(1_000);
    expect(folder.made).toEqual([NOON]);
    expect(petit.engine.backup).toMatchObject({ failing: null, nextAt: NOON + 10 * MINUTE });
    folder.setBehind(0);
    await passTen(clock, folder.first(2));
    await passTen(clock, folder.first(3));
    expect(folder.made).toEqual([NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE]);
  });

  test("are not made by an engine that follows no schedules", async () => {
    const folder = fakeCopier(new FakeClock());
    await using petit = await startEngine({ followSchedules: false, ...withBackups(folder.copier) });
    expect(petit.engine.backup).toBeNull();
    expect(folder.made).toEqual([]);
  });
});
