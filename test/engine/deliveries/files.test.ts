import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Delivery, EventData } from "../../../src/domain/deliveries/delivery.ts";
import type { FilesTrigger } from "../../../src/domain/deliveries/trigger.ts";
import type { Job } from "../../../src/domain/job.ts";
import { MAX_FILES } from "../../../src/engine/deliveries/files/look.ts";
import { job, jobId, shell } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { isDeno } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SETTLE_MS = 2_000;

const files = (given: Partial<FilesTrigger> = {}): FilesTrigger => ({
  type: "files",
  name: null,
  paths: ["in/*.csv"],
  settleMs: SETTLE_MS,
  batch: "each",
  max: 1,
  existing: "ignore",
  done: null,
  identity: "stat",
  intervalMs: 5_000,
  params: {},
  onOverlap: "queue",
  onPause: "keep",
  ...given,
});

/** An engine with a job that watches the folder `in` of a folder of its own. */
class Inbox implements AsyncDisposable {
  readonly #parts: AsyncDisposableStack;
  readonly path: string;
  readonly clock: FakeClock;
  petit: StartedEngine;

  private constructor({ petit, clock, path }: Pick<Inbox, "petit" | "clock" | "path">, parts: AsyncDisposableStack) {
    this.petit = petit;
    this.clock = clock;
    this.path = path;
    this.#parts = parts;
  }

  static async open(given: Partial<FilesTrigger> = {}, before: (path: string) => void = () => {}): Promise<Inbox> {
    return await Inbox.openAt(new FakeClock(), given, before);
  }

  static async openAt(clock: FakeClock, given: Partial<FilesTrigger>, before: (path: string) => void): Promise<Inbox> {
    const parts = new AsyncDisposableStack();
    const { path } = parts.use(tempDir());
    for (const name of ["in", "state"]) mkdirSync(join(path, name));
    before(path);
    const petit = await startEngine({ jobs: [Inbox.job(path, given)], clock, dir: join(path, "state") });
    return new Inbox({ petit, clock, path }, parts);
  }

  static job(path: string, given: Partial<FilesTrigger> = {}, ofJob: Partial<Job> = {}): Job {
    const source = { ...job("inbox").source, folder: path };
    return job("inbox", { source, triggers: [files(given)], tasks: [shell("only", 'cat "$PETIT_EVENT"')], ...ofJob });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.petit[Symbol.asyncDispose]();
    await this.#parts.disposeAsync();
  }

  /** Stops the engine as a crash would, and starts it again. */
  async restart(given: Partial<FilesTrigger> = {}, meanwhile: () => void = () => {}): Promise<void> {
    await this.clock.passUntil(this.petit.stop("leave"));
    meanwhile();
    const { path, clock } = this;
    this.petit = await startEngine({ jobs: [Inbox.job(path, given)], clock, dir: join(path, "state") });
  }

  /** Starts the engine, which was stopped, with its database as after a restore. */
  async restore(given: Partial<FilesTrigger>): Promise<void> {
    const { path, clock } = this;
    const { openStore } = await import("../../../src/store/database/open.ts");
    const { openRuntime } = await import("#runtime");
    {
      using store = openStore({ path: join(path, "state/petit.db"), runtime: openRuntime() });
      store.identity.renew({ now: clock.now(), isHere: () => false });
    }
    this.petit = await startEngine({ jobs: [Inbox.job(path, given)], clock, dir: join(path, "state") });
  }

  /** How many patterns the trigger has looked for. */
  get patterns(): number {
    const patterns = this.petit.store.seenFiles.listPatterns({ jobId: jobId("inbox"), trigger: null });
    return patterns
      .values()
      .filter(({ ignoresExisting }) => !ignoresExisting)
      .toArray().length;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, content = "x"): void {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), content);
  }

  /** What needs attention about the trigger. */
  async faults() {
    return (await this.petit.engine.listAttention(100)).items.filter(({ kind }) => kind === "trigger_failing");
  }

  /** The oldest first. */
  get deliveries(): readonly Delivery[] {
    return this.petit.store.deliveries.list({ jobId: jobId("inbox"), limit: 1_000 }).toReversed();
  }

  event({ id }: Pick<Delivery, "id">): EventData {
    return JSON.parse(this.petit.store.deliveries.findEvent(id) ?? "null");
  }

  /** The names of the files of each delivery. */
  get names(): readonly string[] {
    return this.deliveries.map((each) =>
      (this.event(each).files ?? []).map(({ path }) => path.slice(this.path.length + 4)).join("+"),
    );
  }

  get seen(): readonly string[] {
    return this.petit.store.seenFiles
      .list({ jobId: jobId("inbox"), trigger: null })
      .map(({ folder, name }) => join(folder, name).slice(this.path.length + 1))
      .sort();
  }

  async until(check: () => boolean): Promise<void> {
    await this.clock.passUntil(waitFor(check));
  }

  async got(count: number): Promise<readonly string[]> {
    await this.until(() => this.deliveries.length >= count);
    return this.names;
  }

  /** Waits until a file that comes now has its run. What came before has had the same time. */
  async marked(name = "in/marker.csv"): Promise<readonly string[]> {
    const marker = name.slice(3);
    const before = this.names.length;
    this.write(name, `${before}`);
    await this.until(() => this.names.slice(before).some((each) => each.split("+").includes(marker)));
    return this.names.filter((each) => each !== marker);
  }
}

/** Waits until what is written gets a time of change after `time`, in ms since the Unix epoch. */
const fileTimeAfter = async (time: number): Promise<void> => {
  using dir = tempDir();
  const path = join(dir.path, "probe");
  for (let isLater = false; !isLater; isLater = statSync(path).ctimeMs > time) {
    await setTimeout(1);
    writeFileSync(path, "x");
  }
};

describe("a files trigger", () => {
  test("starts a run for a new file, with its path, when it has settled", async () => {
    await using inbox = await Inbox.open();
    const before = inbox.clock.monotonic();
    inbox.write("in/a.csv", "12345");
    expect(await inbox.got(1)).toEqual(["a.csv"]);
    expect(inbox.clock.monotonic() - before).toBeGreaterThanOrEqual(SETTLE_MS);
    const [delivery] = inbox.deliveries;
    if (delivery?.runId == null) throw new Error("no run");
    expect(delivery).toMatchObject({ outcome: "fired", type: "files", eventType: "files", providerId: null });
    const { run, output } = await inbox.clock.passUntil(inbox.petit.ended(delivery.runId));
    expect(run).toMatchObject({ status: "completed", trigger: "files", deliveryId: delivery.id });
    const path = inbox.at("in/a.csv");
    const event = { type: "files", id: delivery.id, delivery_id: null, path };
    expect(JSON.parse(output())).toEqual({ ...event, files: [{ path, size: 5, mtime: expect.any(Number) }] });
  });

  test("waits for a file that is still written", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/slow.csv", "0");
    for (let part = 1; part <= 8; part++) {
      await inbox.clock.pass(SETTLE_MS / 2);
      appendFileSync(inbox.at("in/slow.csv"), String(part));
      expect(inbox.deliveries).toEqual([]);
    }
    await inbox.got(1);
    expect(inbox.deliveries.map((each) => inbox.event(each).files?.[0]?.size)).toEqual([9]);
  });

  test("ignores what is there when it is new", async () => {
    await using inbox = await Inbox.open({}, (path) => {
      writeFileSync(join(path, "in/old.csv"), "x");
      execFileSync("mkfifo", [join(path, "in/pipe.csv")]);
    });
    expect(await inbox.marked()).toEqual([]);
    expect(inbox.seen).toEqual(["in/marker.csv", "in/old.csv"]);
  });

  test("runs what is there when it is new, with `existing: run`, once", async () => {
    const given = { existing: "run" } as const;
    await using inbox = await Inbox.open(given, (path) => writeFileSync(join(path, "in/old.csv"), "x"));
    expect(await inbox.got(1)).toEqual(["old.csv"]);
    await inbox.restart(given);
    expect(await inbox.marked()).toEqual(["old.csv"]);
  });

  test("finds after a restart what came in between, and nothing twice", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    inbox.write("in/early.csv");
    await inbox.clock.pass(SETTLE_MS / 2);
    let restarted = 0;
    await inbox.restart({}, () => {
      inbox.write("in/b.csv");
      restarted = inbox.clock.monotonic();
    });
    await inbox.got(3);
    expect(inbox.clock.monotonic() - restarted).toBeGreaterThanOrEqual(SETTLE_MS);
    expect([...(await inbox.marked())].sort()).toEqual(["a.csv", "b.csv", "early.csv"]);
  });

  test.each([
    ["a second name", (inbox: Inbox) => linkSync(inbox.at("in/a.csv"), inbox.at("in/link.csv"))],
    ["another name", (inbox: Inbox) => renameSync(inbox.at("in/a.csv"), inbox.at("in/b.csv"))],
  ])("does not start again for %s of a file in the same folder", async (_, change) => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    change(inbox);
    expect(await inbox.marked()).toEqual(["a.csv"]);
  });

  test("does not start again when the folder was renamed", async () => {
    await using inbox = await Inbox.open({ paths: ["in/*/*.csv"] });
    inbox.write("in/one/a.csv");
    expect(await inbox.got(1)).toEqual(["one/a.csv"]);
    renameSync(inbox.at("in/one"), inbox.at("in/two"));
    expect(await inbox.marked("in/two/marker.csv")).toEqual(["one/a.csv"]);
    await inbox.until(() => inbox.seen.includes("in/two/a.csv"));
  });

  test("does not start again when the folder was renamed and another one is in its place", async () => {
    await using inbox = await Inbox.open({ paths: ["in/*/*.csv"] });
    inbox.write("in/one/a.csv");
    await inbox.got(1);
    await inbox.restart({ paths: ["in/*/*.csv"] }, () => {
      renameSync(inbox.at("in/one"), inbox.at("in/old"));
      inbox.write("in/one/b.csv");
    });
    expect(await inbox.got(2)).toEqual(["one/a.csv", "one/b.csv"]);
    expect(await inbox.marked("in/old/marker.csv")).toEqual(["one/a.csv", "one/b.csv"]);
    await inbox.until(() => inbox.seen.includes("in/old/a.csv"));
    expect(inbox.seen).toEqual(["in/old/a.csv", "in/old/marker.csv", "in/one/b.csv"]);
  });

  test.each([
    ["other content", (inbox: Inbox) => inbox.write("in/a.csv", "longer")],
    [
      "another file in its place",
      (inbox: Inbox) => {
        inbox.write("in/.part", "x");
        renameSync(inbox.at("in/.part"), inbox.at("in/a.csv"));
      },
    ],
  ])("starts again for %s", async (_, change) => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    change(inbox);
    expect(await inbox.got(2)).toEqual(["a.csv", "a.csv"]);
  });

  test("starts nothing for a file that is gone before it settles", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/gone.csv");
    await inbox.clock.pass(SETTLE_MS / 2);
    rmSync(inbox.at("in/gone.csv"));
    expect(await inbox.marked()).toEqual([]);
  });

  test("forgets a file that is gone, and then takes it as new", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    renameSync(inbox.at("in/a.csv"), inbox.at("a.csv"));
    await inbox.until(() => inbox.seen.length === 0);
    renameSync(inbox.at("a.csv"), inbox.at("in/a.csv"));
    expect(await inbox.got(2)).toEqual(["a.csv", "a.csv"]);
  });

  test("matches no names with a dot, no links, and folders only by `**`", async () => {
    await using inbox = await Inbox.open({ paths: ["in/*.csv", "in/deep/**/*.csv"] });
    inbox.write("out/far.csv");
    inbox.write("in/.hidden.csv");
    inbox.write("in/other.txt");
    inbox.write("in/sub/below.csv");
    inbox.write("in/deep/.git/x.csv");
    symlinkSync(inbox.at("out/far.csv"), inbox.at("in/link.csv"));
    // Under Deno, to watch a folder that has a pipe blocks.
    if (!isDeno) execFileSync("mkfifo", [inbox.at("in/pipe.csv")]);
    symlinkSync(inbox.at("out"), inbox.at("in/deep/out"));
    inbox.write("in/deep/a/b/c.csv");
    expect(await inbox.got(1)).toEqual(["deep/a/b/c.csv"]);
    expect(await inbox.marked()).toEqual(["deep/a/b/c.csv"]);
  });

  test("waits for the file that `done` names", async () => {
    await using inbox = await Inbox.open({ done: "${{ event.path }}.ok" });
    inbox.write("in/a.csv");
    inbox.write("in/b.csv");
    inbox.write("in/b.csv.ok");
    expect(await inbox.got(1)).toEqual(["b.csv"]);
    inbox.write("in/a.csv.ok");
    expect(await inbox.got(2)).toEqual(["b.csv", "a.csv"]);
  });

  test("waits for the file that `done` names for each file of a run for all, and a folder is no such file", async () => {
    await using inbox = await Inbox.open({ done: "${{ event.path }}.ok", batch: "all", max: 9 });
    for (const name of ["a", "b", "c"]) inbox.write(`in/${name}.csv`);
    mkdirSync(inbox.at("in/a.csv.ok"));
    inbox.write("in/b.csv.ok");
    inbox.write("in/c.csv.ok");
    await inbox.got(1);
    expect(inbox.names.join("+").split("+").sort()).toEqual(["b.csv", "c.csv"]);
  });

  test("starts one run for all files that have settled, of at most `max`", async () => {
    await using inbox = await Inbox.open({ batch: "all", max: 3 });
    for (const name of ["a", "b", "c", "d"]) inbox.write(`in/${name}.csv`);
    await inbox.got(2);
    expect(inbox.names.map((each) => each.split("+").length)).toEqual([3, 1]);
    expect(inbox.names.join("+").split("+").sort()).toEqual(["a.csv", "b.csv", "c.csv", "d.csv"]);
    expect(inbox.deliveries.map((each) => inbox.event(each).path)).toEqual([undefined, undefined]);
  });

  test("compares the content, with `identity: content`", async () => {
    await using inbox = await Inbox.open({ identity: "content" });
    inbox.write("in/a.csv", "one");
    await inbox.got(1);
    utimesSync(inbox.at("in/a.csv"), 1, 1);
    inbox.write("in/same.csv", "one");
    expect(await inbox.marked()).toEqual(["a.csv"]);
    inbox.write("in/a.csv", "two");
    rmSync(inbox.at("in/same.csv"));
    await inbox.until(() => inbox.deliveries.length === 3);
    inbox.write("in/a.csv", "one");
    await inbox.until(() => inbox.deliveries.length === 4);
    expect(inbox.names.filter((name) => name === "a.csv")).toHaveLength(3);
    rmSync(inbox.at("in/a.csv"));
    expect(await inbox.marked()).toHaveLength(3);
    inbox.write("in/a.csv", "one");
    await inbox.until(() => inbox.names.filter((name) => name === "a.csv").length === 4);
  });

  test("starts no run for a copy of a file that was touched since, with `identity: content`", async () => {
    await using inbox = await Inbox.open({ identity: "content" });
    inbox.write("in/a.csv", "one");
    await inbox.got(1);
    inbox.write("in/same.csv", "one");
    await inbox.clock.pass(SETTLE_MS / 2);
    utimesSync(inbox.at("in/a.csv"), 1, 1);
    expect(await inbox.marked()).toEqual(["a.csv"]);
  });

  test("starts no run for a copy after the former state of a touched file was forgotten, with `identity: content`", async () => {
    await using inbox = await Inbox.open({ identity: "content" });
    inbox.write("in/a.csv", "one");
    await inbox.got(1);
    utimesSync(inbox.at("in/a.csv"), 1, 1);
    await inbox.until(() => inbox.seen.length === 2);
    await inbox.until(() => inbox.seen.length === 1);
    inbox.write("in/same.csv", "one");
    expect(await inbox.marked()).toEqual(["a.csv"]);
  });

  test("starts no run for a file that was touched, however long it settles, with `identity: content`", async () => {
    const given = { identity: "content", settleMs: 40_000, intervalMs: 1_000 } as const;
    await using inbox = await Inbox.open(given);
    inbox.write("in/a.csv", "one");
    await inbox.got(1);
    for (const time of [1, 2]) {
      utimesSync(inbox.at("in/a.csv"), time, time);
      await inbox.clock.pass(given.settleMs / 2);
    }
    expect(await inbox.marked()).toEqual(["a.csv"]);
  });

  test("notices other content of the same size and time of change, with `identity: content`", async () => {
    const identity = "content";
    await using inbox = await Inbox.open({ identity });
    const path = inbox.at("in/a.csv");
    const write = (content: string): void => {
      inbox.write("in/a.csv", content);
      utimesSync(path, 1, 1);
    };
    write("one");
    await inbox.got(1);
    await fileTimeAfter(statSync(path).ctimeMs);
    write("two");
    await inbox.got(2);
    await fileTimeAfter(statSync(path).ctimeMs);
    await inbox.restart({ identity }, () => write("six"));
    const all = ["a.csv", "a.csv", "a.csv"];
    expect(await inbox.got(3)).toEqual(all);
    chmodSync(path, 0o600);
    renameSync(path, inbox.at("in/b.csv"));
    expect(await inbox.marked()).toEqual(all);
    await inbox.restart({ identity }, () => renameSync(inbox.at("in/b.csv"), inbox.at("in/c.csv")));
    expect(await inbox.marked()).toEqual(all);
    await inbox.until(() => inbox.seen.includes("in/c.csv"));
    expect(inbox.seen.filter((name) => name !== "in/marker.csv")).toEqual(["in/c.csv"]);
  });

  test("takes other content after a restore as seen, with `identity: content`", async () => {
    const identity = "content";
    await using inbox = await Inbox.open({ identity });
    inbox.write("in/a.csv", "one");
    utimesSync(inbox.at("in/a.csv"), 1, 1);
    await inbox.got(1);
    await inbox.clock.passUntil(inbox.petit.stop("leave"));
    await fileTimeAfter(statSync(inbox.at("in/a.csv")).ctimeMs);
    inbox.write("in/a.csv", "two");
    utimesSync(inbox.at("in/a.csv"), 1, 1);
    await inbox.restore({ identity });
    expect(await inbox.marked()).toEqual(["a.csv"]);
  });

  test("takes what is there after a restore as seen", async () => {
    await using inbox = await Inbox.open({ existing: "run" });
    await inbox.restart({ existing: "run" }, () => inbox.write("in/since.csv"));
    await inbox.clock.passUntil(inbox.petit.stop("leave"));
    inbox.write("in/later.csv");
    await inbox.restore({ existing: "run" });
    await inbox.until(() => inbox.seen.length === 2);
    expect(await inbox.marked()).toEqual([]);
  });

  test("keeps its deliveries while the job is paused, and skips them while it is disabled", async () => {
    await using inbox = await Inbox.open();
    await inbox.petit.engine.pauseJob("inbox");
    inbox.write("in/a.csv");
    await inbox.got(1);
    expect(inbox.deliveries).toMatchObject([{ outcome: "waiting", reason: "paused" }]);
    await inbox.petit.engine.resumeJob("inbox");
    await inbox.until(() => inbox.deliveries[0]?.outcome === "fired");
    inbox.petit.files = filesOf([Inbox.job(inbox.path, {}, { enabled: false })]);
    await inbox.petit.engine.reload();
    inbox.write("in/b.csv");
    await inbox.got(2);
    expect(inbox.deliveries[1]).toMatchObject({ outcome: "skipped", reason: "disabled" });
  });

  test("says that a folder is missing, until it is back", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    const failing = () => inbox.faults();
    let found = await failing();
    expect(found).toEqual([]);
    renameSync(inbox.at("in"), inbox.at("away"));
    const before = inbox.clock.monotonic();
    await inbox.until(() => {
      void failing().then((now) => {
        found = now;
      });
      return found.length > 0;
    });
    expect(inbox.clock.monotonic() - before).toBeLessThan(10_000);
    const problem = `${inbox.at("in")} does not exist`;
    expect(found).toMatchObject([{ jobId: "inbox", trigger: null, fault: "folder_missing", count: 1, problem }]);
    renameSync(inbox.at("away"), inbox.at("in"));
    expect(await inbox.marked()).toEqual(["a.csv"]);
    expect(await failing()).toEqual([]);
  });

  // Deno ends when something happens to such a file in a folder that it watches.
  test.skipIf(isDeno)("says that names are not UTF-8, and starts a run for each file that was renamed", async () => {
    await using inbox = await Inbox.open({ paths: ["in/**/*.csv"] });
    const sh = (script: string): void => {
      execFileSync("sh", ["-c", script], { cwd: inbox.at("in") });
    };
    sh(
      String.raw`printf x > "$(printf 'bad\377.csv')"; mkdir "$(printf 'dir\377')"; printf x > "$(printf 'dir\377/a.csv')"`,
    );
    expect(await inbox.marked("in/plain.csv")).toEqual([]);
    expect(await inbox.marked("in/really\ufffd.csv")).toEqual(["plain.csv"]);
    const problem = expect.stringMatching(
      /^the name of \/.*\/in\/(bad\ufffd\.csv|dir\ufffd) is not UTF-8; rename it; 1 more file too$/,
    );
    expect(await inbox.faults()).toMatchObject([{ jobId: "inbox", fault: "file_unreadable", count: 2, problem }]);
    sh("mv bad* good.csv; mv dir* sub");
    await inbox.got(4);
    expect(inbox.names.toSorted()).toEqual(["good.csv", "plain.csv", "really\ufffd.csv", "sub/a.csv"]);
    expect(await inbox.faults()).toEqual([]);
  });

  test("that begins with too many files keeps what comes meanwhile, also over a restart, and ignores the others", async () => {
    const clock = new FakeClock();
    await using inbox = await Inbox.openAt(clock, {}, (path) => {
      for (let number = 0; number <= MAX_FILES; number++) writeFileSync(join(path, `in/${number}.csv`), "");
      // What changed up to 2 s before the trigger began counts as new.
      clock.step(Date.now() + 2_100 - clock.now());
    });
    expect(await inbox.faults()).toMatchObject([{ fault: "too_many_files", count: MAX_FILES + 1 }]);
    await fileTimeAfter(inbox.clock.now() - 2_000);
    inbox.write("in/new.csv");
    await inbox.restart({}, () => inbox.write("in/later.csv"));
    expect(await inbox.faults()).toMatchObject([{ fault: "too_many_files", count: MAX_FILES + 3 }]);
    expect(inbox.deliveries).toEqual([]);
    for (let number = 0; number < 4; number++) rmSync(inbox.at(`in/${number}.csv`));
    expect([...(await inbox.got(2))].sort()).toEqual(["later.csv", "new.csv"]);
    expect(await inbox.faults()).toEqual([]);
    expect(await inbox.marked()).toHaveLength(2);
  }, 30_000);

  test("that begins with too many files starts runs for some of them, with `existing: run`, and for the others later", async () => {
    await using inbox = await Inbox.open({ existing: "run", batch: "all", max: MAX_FILES }, (path) => {
      for (let number = 0; number <= MAX_FILES; number++) writeFileSync(join(path, `in/${number}.csv`), "");
    });
    const started = () => inbox.names.flatMap((each) => each.split("+"));
    await inbox.until(() => started().length === MAX_FILES);
    for (const name of started().slice(0, 3)) rmSync(inbox.at(`in/${name}`));
    await inbox.until(() => started().length > MAX_FILES);
    expect(new Set(started()).size).toBe(MAX_FILES + 1);
  }, 30_000);

  test("does not start again when its pattern is another one for a while", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    const change = async (paths: readonly string[]): Promise<void> => {
      inbox.petit.files = filesOf([Inbox.job(inbox.path, { paths, existing: "run" })]);
      await inbox.petit.engine.reload();
    };
    await change(["in/*.txt"]);
    for (const name of ["1.txt", "2.txt", "3.txt"]) await inbox.marked(`in/${name}`);
    await change(["in/*.csv"]);
    expect((await inbox.marked()).filter((name) => name.endsWith(".csv"))).toEqual(["a.csv"]);
  });

  test("ignores what new patterns find, and forgets everything with the trigger", async () => {
    await using inbox = await Inbox.open();
    inbox.write("in/a.csv");
    await inbox.got(1);
    inbox.write("in/old.txt");
    inbox.petit.files = filesOf([Inbox.job(inbox.path, { paths: ["in/*.csv", "in/*.txt"] })]);
    await inbox.petit.engine.reload();
    expect(inbox.seen).toEqual(["in/a.csv", "in/old.txt"]);
    inbox.write("in/new.txt");
    expect(await inbox.got(2)).toEqual(["a.csv", "new.txt"]);
    inbox.petit.files = filesOf([Inbox.job(inbox.path)]);
    await inbox.petit.engine.reload();
    await inbox.until(() => inbox.patterns === 1);
    inbox.write("in/unwatched.txt");
    inbox.petit.files = filesOf([Inbox.job(inbox.path, { paths: ["in/*.csv", "in/*.txt"] })]);
    await inbox.petit.engine.reload();
    expect(inbox.seen).toContain("in/unwatched.txt");
    expect(await inbox.marked()).toEqual(["a.csv", "new.txt"]);
    inbox.petit.files = filesOf([Inbox.job(inbox.path, {}, { triggers: [] })]);
    await inbox.petit.engine.reload();
    expect(inbox.seen).toEqual([]);
  });
});
