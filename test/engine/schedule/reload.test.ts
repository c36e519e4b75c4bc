import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import type { Problem } from "../../../src/jobfile/problem.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { command, job, jobId, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const saying = (id: string, text: string, given: Partial<Job> = {}): Job =>
  job(id, { tasks: [command("t", "echo", { args: [text] })], ...given });

const problem = (file: string, line = 3): Problem => ({
  file,
  line,
  column: 7,
  path: "tasks.0.type",
  message: "is unknown",
});

const ids = (petit: Awaited<ReturnType<typeof startEngine>>) =>
  petit.engine.listJobs().map(({ job: { id } }) => String(id));

describe("a reload", () => {
  test("applies new, changed and removed jobs", async () => {
    await using petit = await startEngine({ jobs: [saying("kept", "old"), job("removed")] });
    petit.files = filesOf([saying("kept", "new"), job("added")]);
    expect(await petit.engine.reload()).toEqual({ jobs: 2, problems: [] });
    expect(ids(petit)).toEqual(["added", "kept"]);
    expect((await petit.run("kept")).output()).toBe("new\n");
    await expect(petit.trigger("removed")).rejects.toMatchObject({ code: "not_found" });
  });

  test("whose event can't be stored changes neither the shown jobs nor the schedules", async () => {
    const clock = new FakeClock();
    let fails = false;
    await using petit = await startEngine({
      clock,
      log: silentLog,
      jobs: [job("tick", { schedule: schedule("0 12 * * *") })],
      wrap: (store) => ({
        ...store,
        events: {
          ...store.events,
          record: (event) => {
            if (fails) throw new Error("no events today");
            store.events.record(event);
          },
        },
      }),
    });
    petit.files = filesOf([job("tick", { schedule: schedule("* * * * *") })]);
    fails = true;
    await expect(petit.engine.reload()).rejects.toThrow("no events today");
    expect(petit.engine.findJob("tick")?.job.schedule).toEqual(schedule("0 12 * * *"));
    expect([...petit.store.jobs.list().values()][0]?.job.schedule).toEqual(schedule("0 12 * * *"));
    expect(petit.engine.health()).toEqual({
      status: "degraded",
      reasons: [{ code: "reload_failed", error: "no events today" }],
    });
    fails = false;
    await petit.engine.reload();
    expect(petit.engine.health()).toEqual({ status: "ok", reasons: [] });
    await clock.pass(60_000);
    expect(petit.store.occurrences.list(jobId("tick"), { limit: 9 })).toMatchObject([{ outcome: "fired" }]);
  });

  test("stores who had the files read with the versions that it brings into use, and a restart brings none", async () => {
    using dir = tempDir();
    const uses = ({ store }: StartedEngine) =>
      [1, 2].flatMap((number) =>
        store.versions.listUses(jobId("a"), number, 9).map(({ cause, by }) => `${number} ${cause} ${by}`),
      );
    const [one, two] = [filesOf([saying("a", "one")]), filesOf([saying("a", "two")])];
    const first = await startEngine({ dir: dir.path, files: one });
    await first.engine.reload({ cause: "watch", by: null });
    expect(uses(first)).toEqual(["1 start null"]);
    first.files = two;
    await first.engine.reload({ cause: "signal", by: null });
    first.files = one;
    await first.engine.reload({ cause: "api", by: "ada" });
    await first[Symbol.asyncDispose]();
    await using second = await startEngine({ dir: dir.path, files: one });
    expect(uses(second)).toEqual(["1 api ada", "1 start null", "2 signal null"]);
  });

  test("emits an event with its result", async () => {
    await using petit = await startEngine({ jobs: [job("a")] });
    await petit.engine.reload();
    petit.files = { jobs: [], problems: [problem("a.yaml")], broken: ["a.yaml"] };
    await petit.engine.reload();
    expect(petit.store.events.after(0, 9).map(({ type, status }) => `${type} ${status}`)).toEqual([
      "jobs.reloaded ok",
      "jobs.reloaded degraded",
    ]);
  });

  test("says since when a file is broken, also after a restart", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const broken = { jobs: [], problems: [problem("a.yaml"), problem("a.yaml", 9)], broken: ["a.yaml"] };
    const start = () => startEngine({ dir: dir.path, clock, files: broken });
    const sinceOf = async ({ engine }: StartedEngine) =>
      (await engine.listAttention(9)).items.map(({ since }) => since);
    const first = await start();
    expect(await sinceOf(first)).toEqual([NOON]);
    await clock.pass(60_000);
    await first.engine.reload();
    await first.stop("now");
    await clock.pass(60_000);
    await using second = await start();
    expect(await sinceOf(second)).toEqual([NOON]);
    second.files = filesOf([]);
    await second.engine.reload();
    second.files = broken;
    await second.engine.reload();
    expect(await sinceOf(second)).toEqual([NOON + 120_000]);
  });

  test("of a broken file keeps the last valid version of its jobs, and health names the file", async () => {
    await using petit = await startEngine({
      jobs: [saying("one", "good", { source: { file: "sub/a.yaml", line: 1, folder: "/" } }), job("two")],
    });
    const problems = [problem("sub/a.yaml"), problem("sub/a.yaml", 9), problem("new.yaml")];
    const place = { line: 3, column: 7, path: "tasks.0.type", problem: "is unknown" };
    petit.files = { jobs: [job("two")], problems, broken: ["sub/a.yaml", "new.yaml"] };
    expect(await petit.engine.reload()).toEqual({ jobs: 2, problems });
    expect(ids(petit)).toEqual(["one", "two"]);
    expect((await petit.run("one")).output()).toBe("good\n");
    expect(petit.engine.health()).toEqual({
      status: "degraded",
      reasons: [
        { code: "job_file_broken", file: "sub/a.yaml", ...place, problems: 2 },
        { code: "job_file_broken", file: "new.yaml", ...place, problems: 1 },
      ],
    });
    petit.files = filesOf([saying("one", "better"), job("two")]);
    await petit.engine.reload();
    expect(petit.engine.health()).toEqual({ status: "ok", reasons: [] });
    expect((await petit.run("one")).output()).toBe("better\n");
  });

  test("of an unreadable folder keeps all its jobs", async () => {
    const within = (id: string, file: string) => job(id, { source: { file, line: 1, folder: "/" } });
    await using petit = await startEngine({
      jobs: [within("a", "sub/a.yaml"), within("b", "sub/deep/b.yaml"), within("c", "subway.yaml")],
    });
    petit.files = { jobs: [], problems: [problem("sub")], broken: ["sub"] };
    await petit.engine.reload();
    expect(ids(petit)).toEqual(["a", "b"]);
  });

  test("reads a job from the valid file that it was moved to", async () => {
    await using petit = await startEngine({ jobs: [saying("one", "old")] });
    const moved = saying("one", "moved", { source: { file: "b.yaml", line: 1, folder: "/" } });
    petit.files = { jobs: [moved], problems: [problem("one.yaml")], broken: ["one.yaml"] };
    await petit.engine.reload();
    expect((await petit.run("one")).output()).toBe("moved\n");
  });

  test("does not change the definition of a running run, also across a restart", async () => {
    using dir = tempDir();
    using door = gate();
    const slow = job("slow", { tasks: [shell("a", door.wait), command("b", "echo", { after: ["a"], args: ["old"] })] });
    const first = await startEngine({ dir: dir.path, jobs: [slow] });
    const { id } = await first.trigger("slow");
    await door.reached();
    first.files = filesOf([saying("slow", "new")]);
    await first.engine.reload();
    await first.stop("leave");
    await using second = await startEngine({ dir: dir.path, jobs: [] });
    door.open();
    const ended = await second.ended(id);
    expect(ended.summary).toBe("a completed · b completed");
    expect(ended.output()).toBe("old\n");
  });

  test("keeps the last valid version across a restart with the file still broken", async () => {
    using dir = tempDir();
    const first = await startEngine({ dir: dir.path, jobs: [saying("one", "good")] });
    await first.stop("drain");
    await using second = await startEngine({
      dir: dir.path,
      files: { jobs: [], problems: [problem("one.yaml")], broken: ["one.yaml"] },
    });
    expect((await second.run("one")).output()).toBe("good\n");
    expect(second.engine.health().status).toBe("degraded");
  });

  test("that fails changes nothing, and the next one succeeds", async () => {
    await using petit = await startEngine({ jobs: [saying("one", "good")] });
    petit.failRead(new Error("no such folder"));
    await expect(petit.engine.reload()).rejects.toThrow("no such folder");
    expect((await petit.run("one")).output()).toBe("good\n");
    expect(await petit.engine.reload()).toEqual({ jobs: 1, problems: [] });
  });

  test("runs after the previous one; the last one reads the newest files", async () => {
    await using petit = await startEngine({ jobs: [job("a")] });
    petit.files = filesOf([job("b")]);
    const first = petit.engine.reload();
    const second = petit.engine.reload();
    petit.files = filesOf([job("b"), job("c")]);
    await Promise.all([first, second]);
    expect(ids(petit)).toEqual(["b", "c"]);
  });
});
