import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import { JobsReader } from "../../../src/app/job-files/reader.ts";
import type { Job } from "../../../src/domain/job.ts";
import { NO_QUEUES, type Queues } from "../../../src/domain/limits/queue.ts";
import { type NotifyTarget, receiverText } from "../../../src/domain/notification.ts";
import type { Privileges } from "../../../src/jobfile/check/limits.ts";
import type { OwnFolders } from "../../../src/jobfile/mount.ts";
import { type JobFiles, readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { readState } from "../../../src/jobfile/read/scan.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** A clock that is far enough ahead for every file to have settled. */
const LATER: Clock = { ...systemClock, now: () => Date.now() + 60_000 };

/** A clock by which every file was changed right now. */
const AT_ONCE: Clock = { ...systemClock, now: () => 0 };

const job = (id: string, ...more: readonly string[]): string =>
  [`id: ${id}`, ...more, "tasks: [{id: t, type: shell, script: echo}]", ""].join("\n");

type World = Disposable & {
  /** JOBS_DIR. */
  readonly jobs: string;
  readonly db: string;
  write(files: Readonly<Record<string, string>>): void;
};

const makeWorld = (files: Readonly<Record<string, string>> = {}): World => {
  const dir = tempDir();
  const jobs = dir.file("jobs");
  mkdirSync(jobs);
  const world: World = {
    jobs,
    db: dir.file("petit.db"),
    write: (more) => {
      for (const [name, text] of Object.entries(more)) {
        mkdirSync(dirname(join(jobs, name)), { recursive: true });
        writeFileSync(join(jobs, name), text);
      }
    },
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
  world.write(files);
  return world;
};

type Start = {
  readonly files: JobFiles;
  /** Returns when a file was last modified; null if it is unknown. */
  readonly modifiedAt: (file: string) => number | null;
  /** The ids of the jobs whose files were not read, sorted. */
  readonly restored: readonly string[];
  /** The log of the verification. */
  readonly log: string;
  /** What the reading after the verification found; null if the verification found nothing wrong. */
  readonly verified: JobFiles | null;
};

type StartOptions = {
  readonly reader?: string;
  readonly clock?: Clock;
  readonly jobs?: string;
  readonly notify?: readonly NotifyTarget[];
  readonly queues?: Queues;
  readonly hasWorkers?: boolean;
  readonly ownFolders?: OwnFolders;
  readonly privileges?: Privileges;
};

const ANY_PRIVILEGES: Privileges = { isRoot: true, whyNotRunAs: () => null };
const NO_FOLDERS: OwnFolders = { state: [], jobs: null };

/** Opens the database, reads the files, stores the jobs, and verifies the files that were not read, as a start of petit does. */
const start = async (
  world: World,
  {
    reader = "build",
    clock = LATER,
    jobs = world.jobs,
    notify = [],
    queues = NO_QUEUES,
    hasWorkers = true,
    ownFolders = NO_FOLDERS,
    privileges = ANY_PRIVILEGES,
  }: StartOptions = {},
): Promise<Start> => {
  using store = openStore({ path: world.db, runtime: openRuntime() });
  const log = recordingLog();
  using jobsReader = new JobsReader({
    ...{
      jobsDir: jobs,
      queues,
      hasWorkers,
      ownFolders,
      privileges,
      log,
      clock,
      reader,
      given: null,
      defaultNotify: notify,
    },
  });
  const previous: ReadonlyMap<string, { readonly job: Job }> = store.jobs.list();
  const find = (jobId: string): Job | null => previous.get(jobId)?.job ?? null;
  const { origin, ...files } = await jobsReader.read(store, find);
  const restored = files.jobs.filter((each) => find(each.id) === each).map(({ id }) => String(id));
  const modifiedAt = origin?.modifiedAt ?? (() => null);
  store.jobs.save(files.jobs, 0);
  let verified: JobFiles | null = null;
  const before = log.text().length;
  await jobsReader.verify(store, async () => {
    const { origin: _, ...again } = await jobsReader.read(store, find);
    verified = again;
  });
  return { files, modifiedAt, restored, verified, log: log.text().slice(before) };
};

/** Starts, and expects what a reading without the database finds. */
const startRight = async (world: World, options: StartOptions = {}): Promise<Start> => {
  const started = await start(world, options);
  const { queues = null, hasWorkers = true, ownFolders = null, privileges = null } = options;
  const setup = { queues, hasWorkers, ownFolders, privileges };
  expect(started.files).toStrictEqual(await readJobsDir(options.jobs ?? world.jobs, setup));
  expect(started.verified).toBeNull();
  return started;
};

test("a reading knows when each file was last modified, also of those that were not read again", async () => {
  using world = makeWorld({ "a.yaml": "id: a\ntasks: [{id: t, type: shell, script: x}]\n" });
  const writtenAt = new Date("2026-03-01T12:00:00.500Z");
  utimesSync(join(world.jobs, "a.yaml"), writtenAt, writtenAt);
  await start(world);
  const { restored, modifiedAt } = await start(world);
  expect(restored).toEqual(["a"]);
  expect([modifiedAt("a.yaml"), modifiedAt("b.yaml")]).toEqual([writtenAt.getTime(), null]);
});

describe("the receivers of the configuration file", () => {
  const targetOf = (url: string): NotifyTarget => ({ type: "slack", url, on: ["failure"], timeoutMs: 1_000 });
  const task = "tasks: [{id: t, type: shell, script: x}]\n";
  const text = `id: a\n${task}---\nid: b\nnotify: []\n${task}---\nid: c\nnotify: [{url: "https://c.example"}]\n${task}`;

  test("hold for jobs that name none, also after the list has changed and for files that are not read again", async () => {
    using world = makeWorld({ "jobs.yaml": text });
    const receivers = async (notify: readonly NotifyTarget[]) => {
      const { files } = await start(world, { notify });
      return files.jobs.map((job) => (job.notify ?? []).map((target) => receiverText(target)).join());
    };
    expect(await receivers([])).toEqual(["", "", "https://c.example/"]);
    expect(await receivers([targetOf("https://x.example")])).toEqual(["https://x.example/", "", "https://c.example/"]);
    expect(await receivers([targetOf("https://y.example")])).toEqual(["https://y.example/", "", "https://c.example/"]);
    const same = await start(world, { notify: [targetOf("https://y.example")] });
    expect(same.verified).toBeNull();
    expect(await receivers([])).toEqual(["", "", "https://c.example/"]);
  });
});

describe("job files that have not changed", () => {
  const folders = ["examples/jobs", "test/fixtures/jobs-rust-era", "test/fixtures/ten-mistakes"];
  test.each(folders)("in %s are restored exactly as they would be read", async (folder) => {
    using world = makeWorld();
    const jobs = join(ROOT, folder);
    await startRight(world, { jobs });
    const { files, restored } = await startRight(world, { jobs });
    const alone = files.jobs.filter(({ schedule }) => (schedule?.except?.files ?? []).length === 0);
    expect(restored).toEqual(alone.map(({ id }) => String(id)));
  });

  test("are read again if they name a file of dates, which may have changed", async () => {
    const text = 'id: a\nschedule: {cron: "@daily", except: days.txt}\ntasks: [{id: t, type: shell, script: x}]\n';
    using world = makeWorld({ "a.yaml": text });
    writeFileSync(join(world.jobs, "days.txt"), "2026-12-25\n");
    await startRight(world);
    writeFileSync(join(world.jobs, "days.txt"), "2026-12-26\n");
    const { files } = await startRight(world);
    expect(files.jobs[0]?.schedule?.except?.dates).toEqual(["2026-12-26"]);
  });

  test("that needs workers has a problem in a petit without them, even if the file is not read again", async () => {
    using world = makeWorld({ "a.yaml": "id: a\nruns_on: gpu\ntasks: [{id: t, type: shell, script: x}]\n" });
    expect((await startRight(world)).files.problems).toEqual([]);
    expect((await startRight(world)).restored).toEqual(["a"]);
    const { files } = await startRight(world, { hasWorkers: false });
    expect(files.broken).toEqual(["a.yaml"]);
    expect((await startRight(world)).files.problems).toEqual([]);
  });

  test("are checked again for what their containers mount, which depends on where the database is", async () => {
    const task = "{id: t, type: shell, container: x, working_dir: /srv/data, script: x}";
    using world = makeWorld({ "a.yaml": `id: a\ntasks: [${task}]\n` });
    await startRight(world);
    expect((await startRight(world)).restored).toEqual(["a"]);
    const ownFolders: OwnFolders = { state: [{ what: "database", path: "/srv/data" }], jobs: null };
    expect((await startRight(world, { ownFolders })).files.problems).toMatchObject([
      { line: 2, column: 57, path: "tasks[0].working_dir" },
    ]);
  });

  test("are checked again for their queue, which the settings define", async () => {
    using world = makeWorld({ "a.yaml": "id: a\nqueue: db\ntasks: [{id: t, type: shell, script: x}]\n" });
    const queues = new Map([["db", 1]]);
    await startRight(world, { queues });
    expect((await startRight(world, { queues })).restored).toEqual(["a"]);
    const { files, restored } = await startRight(world, { queues: NO_QUEUES });
    expect(files.problems).toMatchObject([{ file: "a.yaml", line: 2, column: 8, path: "queue" }]);
    expect(restored).toEqual([]);
  });

  test("are restored with everything that a job can contain", async () => {
    using world = makeWorld({
      "deep/all.yaml": `
# A comment before the job.
id: all
name: "Ünïcode ✓"
description: |
  Two
  lines
schedule: {cron: ["0 3 * * *", "@every 15m"], timezone: Europe/Paris, catchup: all, catchup_window: 2h, jitter: 30s}
max_concurrency: 2
on_overlap: queue
queue: db
priority: -5
timeout: 1h
kill_grace: 3s
on_interrupt: rerun
depends_on: [one, {job: two, condition: last_complete}, {job: two, condition: {within_window: {seconds: 60}}}]
config: {"2": b, "1": a, list: [1, 2.5, null, true], map: {__proto__: "x \\u2028", password: secret}}
params: {day: {pattern: "^\\\\d+$", default: "1"}, level: {enum: [a, b], required: true, description: d}}
environment: {A: "\${{ params.day }}"}
inherit_environment: false
retention: {runs: 3, days: 4}
notify: [{type: webhook, url: "https://example.com/x", on: [failure], secret: {env: HOOK}, headers: {X-A: b}}]
tasks:
  - {id: a, type: command, command: echo, args: ["\${{ config.list }}"], working_dir: ., stdin: x, environment: {B: c}}
  - {id: b, type: shell, script: "true", shell: [bash, -c], depends_on: [a], condition: all_done}
  - {id: c, type: python, inline: true, script: "print(1)", retry: {max_attempts: 2, delay: 1s, backoff: exponential}}
  - {id: d, type: typescript, script: d.ts, timeout: 5s}
  - {id: e, type: shell, script: "true", foreach: [a, b]}
`,
      "deep/d.ts": "",
      "two.yaml": `${job("one")}---\n${job("two")}`,
      "comment.yaml": "# No job yet.\n",
    });
    const queues = new Map([["db", 1]]);
    expect((await startRight(world, { queues })).files.problems).toEqual([]);
    expect((await startRight(world, { queues })).restored).toEqual(["all", "one", "two"]);
  });

  test("are restored after random changes of other files", async () => {
    const names = ["a.yaml", "b.yaml", "c.yml", "sub/d.yaml"];
    const name = fc.constantFrom(...names);
    const contents = [
      job("x"),
      job("y"),
      job("x", "enabled: false"),
      job("z", "depends_on: [x]"),
      job("z", "depends_on: [y, x]"),
      `${job("v")}---\n${job("w", "depends_on: [z]")}`,
      job("x", "depends_on: [z]"),
      "id: broken\ntasks: 1\n",
      "id: [\n",
      "",
      "id: s\ntasks: [{id: t, type: python, script: s.py}]\n",
    ];
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("write"), name, text: fc.constantFrom(...contents) }) },
      fc.record({ kind: fc.constant("remove"), name }),
      fc.record({ kind: fc.constant("rename"), name, to: name }),
      fc.record({ kind: fc.constant("copy"), name, to: name }),
      fc.record({ kind: fc.constant("touch"), name }),
      fc.record({ kind: fc.constant("script") }),
      fc.record({ kind: fc.constant("start") }),
      fc.record({ kind: fc.constant("start at once") }),
    );
    const apply = (world: World, each: { kind: string; name?: string; to?: string; text?: string }): void => {
      const at = (file = ""): string => join(world.jobs, file);
      const exists = statSync(at(each.name), { throwIfNoEntry: false }) !== undefined;
      if (each.kind === "write") world.write({ [each.name ?? ""]: each.text ?? "" });
      else if (each.kind === "script") {
        if (statSync(at("s.py"), { throwIfNoEntry: false }) === undefined) world.write({ "s.py": "" });
        else rmSync(at("s.py"));
      } else if (!exists || each.name === undefined) return;
      else if (each.kind === "remove") rmSync(at(each.name));
      else if (each.kind === "touch") utimesSync(at(each.name), 1, 1);
      else if (each.to !== undefined && each.to !== each.name) {
        mkdirSync(dirname(at(each.to)), { recursive: true });
        if (each.kind === "rename") renameSync(at(each.name), at(each.to));
        else copyFileSync(at(each.name), at(each.to));
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        using world = makeWorld({ "a.yaml": job("x"), "b.yaml": job("y") });
        for (const each of steps) {
          if (each.kind === "start") await startRight(world);
          else if (each.kind === "start at once") await startRight(world, { clock: systemClock });
          else apply(world, each);
        }
        await startRight(world);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a job file", () => {
  test("that was read right after a change is compared by content, and restored", async () => {
    using world = makeWorld({ "a.yaml": job("a") });
    await startRight(world, { clock: AT_ONCE });
    const stored = () => {
      using store = openStore({ path: world.db, runtime: openRuntime() });
      return store.jobFiles.find({ folder: world.jobs, reader: "build" }, "a.yaml")?.isSettled;
    };
    expect(stored()).toBe(false);
    expect((await startRight(world)).restored).toEqual(["a"]);
    expect(stored()).toBe(true);
  });

  /** Changes the content of a file, and makes the database believe that the state was the same before. */
  const changeUnseen = (world: World, text: string, isSettled: boolean): void => {
    const path = join(world.jobs, "a.yaml");
    writeFileSync(path, text);
    using store = openStore({ path: world.db, runtime: openRuntime() });
    const source = { folder: world.jobs, reader: "build" };
    const stored = store.jobFiles.find(source, "a.yaml");
    const stamp = readState(path)?.stamp;
    if (stored === null || stamp === undefined) throw new Error("the file is not stored");
    store.jobFiles.save(source, { changed: new Map([["a.yaml", { ...stored, stamp, isSettled }]]), gone: [] });
  };

  test("that changes twice within a tick of the clock, to the same size, is read again", async () => {
    using world = makeWorld({ "a.yaml": job("a", "name: one") });
    await startRight(world);
    changeUnseen(world, job("a", "name: two"), false);
    expect((await startRight(world)).restored).toEqual([]);
  });

  test("whose content changes in the same state is found by the verification, and read again", async () => {
    using world = makeWorld({ "a.yaml": job("a", "name: one"), "b.yaml": job("b") });
    await startRight(world);
    changeUnseen(world, job("a", "name: two"), true);
    const { restored, verified, log } = await start(world);
    expect(restored).toEqual(["a", "b"]);
    expect(verified).toStrictEqual(await readJobsDir(world.jobs));
    expect(log).toContain("a.yaml");
    expect((await startRight(world)).verified).toBeNull();
  });

  // Deno reports no change time. There, petit always runs from source, and reads every file.
  test.skipIf(openRuntime().name === "deno")(
    "whose size and modification time are restored after a change is read again",
    async () => {
      using world = makeWorld({ "a.yaml": job("a", "name: one") });
      const path = join(world.jobs, "a.yaml");
      utimesSync(path, 1_000, 1_000);
      await startRight(world);
      writeFileSync(path, job("a", "name: two"));
      utimesSync(path, 1_000, 1_000);
      expect((await startRight(world)).restored).toEqual([]);
    },
  );

  test("that another build of petit has read is read again", async () => {
    using world = makeWorld({ "a.yaml": job("a") });
    await startRight(world);
    expect((await startRight(world, { reader: "newer build" })).restored).toEqual([]);
    expect((await startRight(world)).restored).toEqual([]);
  });

  test("that is read as part of another folder is read again", async () => {
    using world = makeWorld({ "sub/a.yaml": job("a") });
    await startRight(world);
    const { files, restored } = await startRight(world, { jobs: join(world.jobs, "sub") });
    expect([restored, files.jobs[0]?.source.file]).toEqual([[], "a.yaml"]);
  });

  test("that was copied to another machine is read again", async () => {
    using world = makeWorld({ "a.yaml": job("a") });
    await startRight(world);
    const text = readFileSync(join(world.jobs, "a.yaml"));
    renameSync(world.jobs, `${world.jobs}.old`);
    mkdirSync(world.jobs);
    writeFileSync(join(world.jobs, "a.yaml"), text);
    expect((await startRight(world)).restored).toEqual([]);
  });

  test("with a script that disappeared has a problem", async () => {
    using world = makeWorld({ "a.yaml": "id: a\ntasks: [{id: t, type: python, script: s.py}]\n", "s.py": "" });
    await startRight(world);
    expect((await startRight(world)).restored).toEqual(["a"]);
    rmSync(join(world.jobs, "s.py"));
    expect((await startRight(world)).files.problems).toHaveLength(1);
  });

  test.skipIf(process.geteuid?.() === 0)("that may not be read any more has a problem", async () => {
    using world = makeWorld({ "a.yaml": job("a") });
    await startRight(world);
    chmodSync(join(world.jobs, "a.yaml"), 0);
    expect((await startRight(world)).files.problems).toHaveLength(1);
  });

  test("that was broken in between is read again", async () => {
    using world = makeWorld({ "a.yaml": job("a") });
    await startRight(world);
    appendFileSync(join(world.jobs, "a.yaml"), "x: y\n");
    expect((await startRight(world)).files.broken).toEqual(["a.yaml"]);
    world.write({ "a.yaml": job("a") });
    expect((await startRight(world)).files.broken).toEqual([]);
  });
});

test("an unchanged job whose gate or id now conflicts with another file has a problem", async () => {
  using world = makeWorld({ "a.yaml": job("a"), "b.yaml": job("b", "depends_on: [a]"), "c.yaml": job("c") });
  await startRight(world);
  rmSync(join(world.jobs, "a.yaml"));
  expect((await startRight(world)).files.broken).toEqual(["b.yaml"]);
  world.write({ "a.yaml": job("a", "depends_on: [b]") });
  expect((await startRight(world)).files.broken).toEqual(["a.yaml", "b.yaml"]);
  world.write({ "a.yaml": job("a"), "d.yaml": job("c") });
  const { files, restored } = await startRight(world);
  expect([files.broken, restored]).toEqual([["c.yaml", "d.yaml"], []]);
});

test("a database that was restored from a backup gives the files of today", async () => {
  using world = makeWorld({ "a.yaml": job("a"), "b.yaml": job("b") });
  await startRight(world);
  const backup = `${world.db}.backup`;
  copyFileSync(world.db, backup);
  world.write({ "a.yaml": job("a", "enabled: false"), "c.yaml": job("c") });
  rmSync(join(world.jobs, "b.yaml"));
  await startRight(world);
  for (const file of readdirSync(dirname(world.db)).filter((name) => /^petit\.db(-wal|-shm)?$/.test(name)))
    rmSync(join(dirname(world.db), file));
  copyFileSync(backup, world.db);
  expect((await startRight(world)).files.jobs.map(({ id }) => String(id))).toEqual(["a", "c"]);
  expect((await startRight(world)).restored).toEqual(["a", "c"]);
});

test("only the files of the last folder stay in the database", async () => {
  using world = makeWorld({ "a.yaml": job("a"), "sub/b.yaml": job("b") });
  await startRight(world);
  await startRight(world, { jobs: join(world.jobs, "sub") });
  using store = openStore({ path: world.db, runtime: openRuntime() });
  expect(store.jobFiles.listPaths({ folder: resolve(world.jobs), reader: "build" })).toEqual([]);
  expect(store.jobFiles.listPaths({ folder: join(world.jobs, "sub"), reader: "build" })).toEqual(["b.yaml"]);
});
