import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../../src/domain/errors.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { brokenFiles, type JobFiles, readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { listFiles } from "../../../src/jobfile/read/list-files.ts";
import { measureCpu } from "../../support/cpu-time.ts";
import { makeJobDir } from "../../support/job-dir.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures");

const job = (id: string, ...more: readonly string[]): string =>
  [`id: ${id}`, ...more, "tasks: [{id: t, type: shell, script: echo}]", ""].join("\n");

const ids = (files: JobFiles): readonly string[] => files.jobs.map((each) => each.id);
const lines = (files: JobFiles): readonly string[] => files.problems.map(formatProblem);

describe("a folder with ten different mistakes in three files", () => {
  test("has ten problems with positions, and no job", async () => {
    const files = await readJobsDir(join(FIXTURES, "ten-mistakes"));
    expect(lines(files)).toEqual([
      "backup.yaml:3:1: nmae: unknown field; did you mean 'name'?",
      "backup.yaml:4:11: schedule: '0 25 * * *' is not a schedule: '25' is out of range in the hour field; expected 0 to 23",
      "backup.yaml:5:18: max_concurrency: 0 is out of bounds; expected a whole number from 1 to 1000000",
      "backup.yaml:8:11: tasks[0].type: 'comand' is not known; did you mean 'command'? expected one of command, shell, python, typescript, http, ssh, approval, job",
      "pipeline.yaml:3:14: depends_on[0]: there is no job 'bakcup'; did you mean 'backup'?",
      'pipeline.yaml:8:14: tasks[0].timeout: 5 has no unit; expected a duration such as "250ms", "30s", "5m", "2h", "1d" or "1h30m"',
      "pipeline.yaml:12:18: tasks[1].depends_on[0]: there is no task 'extarct'; did you mean 'extract'?",
      "reports.yaml:4:19: params.day.default: param 'day' can't be 'today'; expected a value that matches ^\\d{4}-\\d\\d-\\d\\d$",
      "reports.yaml:9:13: tasks[0].args[0]: there is no param 'date'; the job has day",
      "reports.yaml:11:5: id: 'backup' is the id of the job at backup.yaml:2 as well; expected another in reports.yaml or there",
    ]);
    expect(ids(files)).toEqual([]);
    expect(files.broken).toEqual(["backup.yaml", "pipeline.yaml", "reports.yaml"]);
  });
});

describe("a pattern", () => {
  test.each([["pattern"], ['"p\\x61ttern"'], ['"p\\u0061ttern"'], ['"p\\U00000061ttern"'], ['"\\x70attern"']])(
    "is checked where its key is written as %s",
    async (key) => {
      using dir = makeJobDir({ "a.yaml": job("a", `params: {day: {${key}: "("}}`) });
      expect(lines(await readJobsDir(dir.path))).toEqual([expect.stringContaining("params.day.pattern: '(' is not a")]);
    },
  );
});

describe("job files of the Rust petit", () => {
  test("are read unchanged", async () => {
    const files = await readJobsDir(join(FIXTURES, "jobs-rust-era"));
    expect(lines(files)).toEqual([]);
    expect(ids(files)).toEqual(["data_pipeline", "second_job", "third_job", "upstream_job"]);
    const [pipeline, second, third, upstream] = files.jobs;
    expect(pipeline?.dependsOn.map((gate) => [String(gate.jobId), gate.condition, gate.windowMs])).toEqual([
      ["upstream_job", "last_success", null],
      ["second_job", "last_success", null],
      ["third_job", "last_complete", null],
      ["second_job", "within_window", 3_600_000],
    ]);
    expect(pipeline?.tasks[0]).toMatchObject({ timeoutMs: 300_000, workingDir: "/tmp" });
    expect(pipeline?.tasks[1]?.retry).toMatchObject({ maxAttempts: 3, delayMs: 10_000, condition: "always" });
    expect(second?.schedule).toMatchObject({ expressions: ["0 9 * * 1-5"], timezone: "America/New_York" });
    expect(second?.tasks[0]?.program).toEqual({ type: "python", inline: false, file: "scripts/report.py" });
    expect(third?.tasks[0]).toMatchObject({ condition: "all_done", retry: { delayMs: 5_400_000 } });
    expect(upstream?.tasks[0]?.program).toEqual({ type: "python", inline: true, text: 'print("hello")' });
  });
});

describe("a folder of job files", () => {
  test("is read recursively (*.yaml and *.yml), without names that start with a dot", async () => {
    using dir = makeJobDir({
      "b.yaml": job("b"),
      "a.yml": job("a"),
      "sub/deep/c.yaml": job("c"),
      "sub/readme.md": "# no job",
      "sub/data.json": "{}",
      ".hidden.yaml": "nonsense",
      ".git/x.yaml": "nonsense",
    });
    const files = await readJobsDir(dir.path);
    expect(lines(files)).toEqual([]);
    expect(files.jobs.map(({ id, source }) => [String(id), source.file, source.folder])).toEqual([
      ["a", "a.yml", dir.path],
      ["b", "b.yaml", dir.path],
      ["c", "sub/deep/c.yaml", join(dir.path, "sub/deep")],
    ]);
  });

  test("can be empty", async () => {
    using dir = makeJobDir();
    expect(await readJobsDir(dir.path)).toEqual({ jobs: [], problems: [], broken: [] });
  });

  test("must exist and be a folder", async () => {
    using dir = makeJobDir({ "a.yaml": job("a") });
    const missing = readJobsDir(join(dir.path, "nowhere"));
    await expect(missing).rejects.toBeInstanceOf(PetitError);
    await expect(missing).rejects.toMatchObject({ code: "not_found" });
    await expect(readJobsDir(join(dir.path, "a.yaml"))).rejects.toThrow("is a file; expected the folder it is in");
  });

  test("can contain symlinks, also in a cycle; each folder is read once", async () => {
    using dir = makeJobDir({ "sub/a.yaml": job("a") });
    using elsewhere = makeJobDir({ "b.yaml": job("b") });
    symlinkSync("..", join(dir.path, "sub/up"));
    symlinkSync("sub", join(dir.path, "again"));
    symlinkSync(join(elsewhere.path, "b.yaml"), join(dir.path, "b.yaml"));
    const files = await readJobsDir(dir.path);
    expect(lines(files)).toEqual([]);
    expect(ids(files)).toEqual(["a", "b"]);
  });

  test("finds a file under its own path, and not under that of a linked folder", async () => {
    using dir = makeJobDir({ "sub/deep/a.yaml": job("a") });
    using elsewhere = makeJobDir({ "in/b.yaml": job("b") });
    symlinkSync("sub", join(dir.path, "linked"));
    symlinkSync("sub/deep", join(dir.path, "also"));
    symlinkSync(elsewhere.path, join(dir.path, "outside"));
    symlinkSync(join(dir.path, "sub"), join(elsewhere.path, "back"));
    const { files, hasLinks } = await listFiles(dir.path);
    expect([files, hasLinks]).toEqual([["outside/in/b.yaml", "sub/deep/a.yaml"], true]);
  });

  test("reports unreadable files and reads the rest", async () => {
    using dir = makeJobDir({
      "a.yaml": job("a"),
      "large.yaml": "#".repeat(2 ** 20 + 1),
      "latin.yaml": Buffer.from("id: \xe9", "latin1"),
    });
    symlinkSync("nowhere", join(dir.path, "dangling.yaml"));
    execFileSync("mkfifo", [join(dir.path, "pipe.yaml")]);
    mkdirSync(join(dir.path, "folder.yaml"));
    const files = await readJobsDir(dir.path);
    expect(ids(files)).toEqual(["a"]);
    expect(lines(files)).toEqual([
      "dangling.yaml:1:1: can't be read (ENOENT: no such file or directory); expected a file or folder that petit may read",
      "large.yaml:1:1: is larger than 1 MiB; expected several smaller files",
      "latin.yaml:1:1: is not UTF-8 text; expected YAML in UTF-8",
      "pipe.yaml:1:1: is not a regular file; expected a job file",
    ]);
    expect(files.broken).toEqual(["dangling.yaml", "large.yaml", "latin.yaml", "pipe.yaml"]);
  });

  test("can be exactly 1 MiB", async () => {
    const text = job("a");
    using dir = makeJobDir({ "a.yaml": `${text}#${"x".repeat(2 ** 20 - text.length - 1)}` });
    expect(ids(await readJobsDir(dir.path))).toEqual(["a"]);
  });

  test("reports an unreadable folder, which stands for everything in it", async () => {
    const { files, failures } = await listFiles("/nowhere/at/all");
    expect(files).toEqual([]);
    expect(failures.map(({ file }) => file)).toEqual(["."]);
    expect(failures[0]?.message).toStartWith("can't be read (ENOENT: no such file or directory)");
  });
});

describe("a broken file", () => {
  test("contributes no job, but gates may name its jobs", async () => {
    using dir = makeJobDir({
      "a.yaml": `${job("good")}---\n${job("bad", "nmae: x")}`,
      "b.yaml": job("follower", "depends_on: [good, bad]"),
      "c.yaml": "id: unreadable\ntasks: [\n",
      "d.yaml": job("second", "depends_on: [unreadable]"),
    });
    const files = await readJobsDir(dir.path);
    expect(ids(files)).toEqual(["follower", "second"]);
    expect(files.broken).toEqual(["a.yaml", "c.yaml"]);
    expect(files.problems).toHaveLength(2);
  });

  test.each([
    [["a.yaml"], "a.yaml", true],
    [["a.yaml"], "b.yaml", false],
    [["sub"], "sub/a.yaml", true],
    [["sub"], "subway/a.yaml", false],
    [["."], "any/where.yaml", true],
    [[], "a.yaml", false],
  ])("of %p: %p is broken: %p", (broken, file, expected) => {
    expect(brokenFiles(broken)(file)).toBe(expected);
  });
});

describe("several jobs", () => {
  test("cannot share an id: neither is used, and both files are named", async () => {
    using dir = makeJobDir({ "a.yaml": job("x"), "sub/b.yaml": `# a comment\n${job("x")}`, "c.yaml": job("y") });
    const files = await readJobsDir(dir.path);
    expect(lines(files)).toEqual([
      "sub/b.yaml:2:5: id: 'x' is the id of the job at a.yaml:1 as well; expected another in sub/b.yaml or there",
    ]);
    expect(ids(files)).toEqual(["y"]);
    expect(files.broken).toEqual(["a.yaml", "sub/b.yaml"]);
  });

  test("cannot share an id within a file", async () => {
    using dir = makeJobDir({ "a.yaml": `${job("x")}---\n${job("x")}` });
    expect(lines(await readJobsDir(dir.path))).toEqual([
      "a.yaml:4:5: id: 'x' is the id of the job at a.yaml:1 as well; expected another in a.yaml or there",
    ]);
  });

  test("cannot depend on a missing job", async () => {
    using dir = makeJobDir({
      "a.yaml": job(
        "nightly",
        "depends_on: [nihgtly2, {job: nightli, condition: last_complete}, {job_id: nowhere_near}]",
      ),
      "b.yaml": job("nightly2"),
    });
    expect(lines(await readJobsDir(dir.path))).toEqual([
      "a.yaml:2:14: depends_on[0]: there is no job 'nihgtly2'; did you mean 'nightly2'?",
      "a.yaml:2:30: depends_on[1].job: there is no job 'nightli'; did you mean 'nightly'?",
      "a.yaml:2:75: depends_on[2].job_id: there is no job 'nowhere_near'; expected the id of a job in this folder",
    ]);
  });

  test("cannot depend on a missing job in a misspelt field", async () => {
    using dir = makeJobDir({ "a.yaml": job("nightly", "depnds_on: [{jb: dayly}]") });
    expect(lines(await readJobsDir(dir.path))).toEqual([
      "a.yaml:2:1: depnds_on: unknown field; did you mean 'depends_on'?",
      "a.yaml:2:14: depnds_on[0].jb: unknown field; did you mean 'job'?",
      "a.yaml:2:18: depnds_on[0].jb: there is no job 'dayly'; expected the id of a job in this folder",
    ]);
  });

  test("cannot depend on each other: each cycle is reported once, and none of its jobs is used", async () => {
    using dir = makeJobDir({
      "a.yaml": job("a", "depends_on: [c]"),
      "b.yaml": job("b", "depends_on: [a]"),
      "c.yaml": job("c", "depends_on: [{job: b}]"),
      "self.yaml": job("self", "depends_on: [self]"),
      "after.yaml": job("after", "depends_on: [a]"),
    });
    const files = await readJobsDir(dir.path);
    expect(lines(files)).toEqual([
      "a.yaml:2:14: depends_on[0]: jobs depend on each other in a cycle: a → c → b → a; expected no cycle",
      "self.yaml:2:14: depends_on[0]: a job depends on itself: self → self; expected no cycle",
    ]);
    expect(files.broken).toEqual(["a.yaml", "b.yaml", "c.yaml", "self.yaml"]);
    expect(ids(files)).toEqual(["after"]);
  });
});

describe("a thousand job files", () => {
  test("are read without blocking the event loop", async () => {
    const text = (index: number): string => job(`job_${index}`, 'schedule: "0 2 * * *"', "environment: {A: b}");
    using dir = makeJobDir(
      Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${index}.yaml`, text(index)])),
    );
    let [longest, last] = [0, performance.now()];
    const pulse = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const cpuMs = measureCpu();
    const files = await readJobsDir(dir.path);
    const tookMs = cpuMs();
    clearInterval(pulse);
    expect(files.jobs).toHaveLength(1_000);
    // Some 400 ms and 15 ms on a quiet machine.
    expect(tookMs).toBeLessThan(4_000);
    expect(longest).toBeLessThan(500);
  });
});
