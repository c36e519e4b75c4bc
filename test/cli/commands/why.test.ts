import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { newRunId } from "../../../src/domain/ids.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const TASKS = "tasks: [{id: t, type: shell, script: 'true'}]\n";

/** A job that is due every hour. Its latest occurrence is caught up on. */
const hourly = (id: string, more = TASKS): string =>
  `id: ${id}\nschedule: {cron: "@hourly", catchup_window: 1d}\n${more}`;

const BAD = "id: bad\ntasks: [{id: t, type: shell, script: exit 3}]\n";

const GATED = `${hourly("gated", `depends_on: [bad]\n${TASKS}`)}---\n${BAD}`;

/** How long the jobs are known, and petit was down: at least two occurrences of a job that is due every hour passed. */
const DOWN_MS = 3 * 3_600_000;

/** Starts petit with jobs that were due while it was down, so that it has decided about occurrences when it is ready. */
const startAfterDowntime = (
  text: string,
  prepare: (store: Store, versionOf: (jobId: string) => number) => void = () => {},
): Promise<Petit> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-test-"));
  const folder = join(dir, "jobs");
  mkdirSync(folder);
  writeFileSync(join(folder, "all.yaml"), text);
  const { jobs } = readJobFile({ file: "all.yaml", folder, text });
  {
    using store = openStore({ path: join(dir, "petit.db"), runtime: openRuntime() });
    const stored = [...store.jobs.save(jobs, Date.now() - DOWN_MS).values()];
    prepare(store, (jobId) => stored.find(({ job }) => job.id === jobId)?.versionId ?? 0);
  }
  return startPetit({ dir, args: ["--no-watch"] });
};

/** Runs `petit why` for a petit. */
const whyOf =
  (running: Petit) =>
  (...args: readonly string[]): Promise<CommandResult> =>
    petit(["why", ...args, "--url", running.url]);

describe("petit why", () => {
  test("explains why a job ran, its outcome, and its next run", async () => {
    const text = `id: tick\nname: Tick Tock\nschedule: "@yearly"\n${TASKS}`;
    const dueAt = Date.now() - 60_000;
    // petit continues this run when it starts.
    await using running = await startAfterDowntime(text, (store, versionOf) => {
      const [job] = readJobFile({ file: "all.yaml", folder: "/jobs", text }).jobs;
      if (job === undefined) throw new Error("there is no job");
      store.runs.start({
        id: newRunId(dueAt),
        job,
        versionId: versionOf("tick"),
        status: "running",
        trigger: "schedule",
        params: {},
        now: dueAt,
        scheduledFor: dueAt,
        ledger: { jitterMs: 0 },
        retry: null,
        idempotency: null,
      });
    });
    const { status, stdout, stderr } = await whyOf(running)("tick");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^job {9}tick \(Tick Tock\): @yearly; all\.yaml:1\n/);
    expect(stdout).toMatch(/\nlast run {4}.*: it was due at .* UTC; it .*\(run [0-9a-f-]{36}\)\n/);
    expect(stdout).toMatch(/\nnext run {4}in .*, at \d{4}-01-01 00:00:00 UTC, then .*\n/);
    expect(stdout).toMatch(/\nblocked by {2}nothing\n/);
    expect(stdout).toMatch(/\nhistory {5}\d{4}-.*fired: run [0-9a-f-]{36}\n/);
  });

  test("explains which gate is shut now, and was shut", async () => {
    await using running = await startAfterDowntime(GATED);
    const why = whyOf(running);
    const before = (await why("gated")).stdout;
    expect(before).toMatch(
      /\nnot run {5}since \d{4}-.* UTC, 3 occurrences without a run: 2 × .*, 1 × a gate on another job was shut\n/,
    );
    expect(before).toContain("blocked by  a gate is shut: 'bad' has never run, but its last run must be completed\n");
    expect(before).toContain("skipped: a gate was shut: 'bad' had never run\n");
    await running.fetch("/api/jobs/bad/trigger?wait=10", { method: "POST" });
    const after = (await why("gated")).stdout;
    expect(after).toContain("a gate is shut: the last run of 'bad' failed");
    expect(after).toContain("skipped: a gate was shut: 'bad' had never run\n");
  });

  test("explains that max_concurrency is reached", async () => {
    const slow = `id: slow\nschedule: {cron: "@hourly", catchup: all, catchup_window: 1d}\nmax_concurrency: 1\ntasks: [{id: t, type: command, command: sleep, args: ["60"]}]\n`;
    await using running = await startAfterDowntime(slow);
    const { stdout } = await whyOf(running)("slow");
    expect(stdout).toContain("blocked by  max_concurrency is reached: 1 of 1 allowed runs of the job is running\n");
    expect(stdout).toContain("skipped: an earlier run was still running (max_concurrency is 1)");
    expect(stdout).toMatch(/it has been running for /);
  });

  test("explains a disabled job, and a job without a schedule", async () => {
    await using running = await startAfterDowntime(`${hourly("off", `enabled: false\n${TASKS}`)}---\n${BAD}`);
    const why = whyOf(running);
    const off = (await why("off")).stdout;
    expect(off).toMatch(
      /\nlast run {4}off has never run\nnot run {5}since \d{4}-.* UTC, 3 occurrences without a run: the job was disabled\nnext run {4}only when triggered: the job is disabled\n/,
    );
    expect(off).toContain("blocked by  the job is disabled");
    expect((await why("bad")).stdout).toContain("next run    only when triggered: the job has no schedule\n");
  });

  test("shows times in the zone of the schedule", async () => {
    const yearly = `id: yearly\nschedule: {cron: "@yearly", timezone: Europe/Paris}\n${TASKS}`;
    await using running = await startAfterDowntime(yearly);
    expect((await whyOf(running)("yearly")).stdout).toMatch(
      /^job {9}yearly: @yearly in Europe\/Paris; .*\n.*\nnext run .*-01-01 00:00:00 GMT\+1/,
    );
  });

  test("explains a pause, during and after it", async () => {
    await using running = await startAfterDowntime(hourly("tick"), (store) => {
      const now = Date.now() - DOWN_MS;
      store.scheduler.setPaused({ at: now, by: null }, now);
    });
    const why = whyOf(running);
    const paused = (await why("tick")).stdout;
    await running.fetch("/api/scheduler/resume", { method: "POST" });
    expect(paused).toMatch(/\nnot run {5}since \d{4}-.* UTC, 3 occurrences without a run: the scheduler was paused\n/);
    expect(paused).toMatch(/\nblocked by {2}the scheduler is paused since .* UTC.*: .*'petit resume'/);
    const resumed = (await why("tick")).stdout;
    expect(resumed).toContain("skipped: the scheduler or the job was paused");
    expect(resumed).not.toContain("\nnot run ");
    expect(resumed).toContain("\nblocked by  nothing\n");
  });

  test("explains that the last valid version of a broken file is used", async () => {
    await using running = await startAfterDowntime(BAD);
    writeFileSync(join(running.jobsDir, "all.yaml"), `${BAD}typo: 1\n`);
    await running.fetch("/api/jobs/reload", { method: "POST" });
    expect((await whyOf(running)("bad")).stdout).toMatch(
      /petit uses the job's last valid version, because its job file is broken: all\.yaml:\d+:1: typo/,
    );
  });

  test("prints one object with --json", async () => {
    await using running = await startAfterDowntime(GATED);
    await running.fetch("/api/jobs/bad/trigger?wait=10", { method: "POST" });
    const { status, stdout, stderr } = await whyOf(running)("gated", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const body = JSON.parse(stdout);
    expect(body).toMatchObject({
      job: { id: "gated", depends_on: [{ job_id: "bad" }] },
      last_run: null,
      not_run: expect.stringMatching(/^since \d{4}-.* UTC, 3 occurrences without a run: /),
      in_its_way: [expect.stringContaining("a gate is shut: the last run of 'bad' failed")],
      gates: [{ job_id: "bad", condition: "last_success", window_ms: null, shut: expect.any(String) }],
      pending: 0,
      scheduler: "running",
      health: { status: "ok", reasons: [] },
    });
    expect(body.next.coming[0]).toBe(body.next.at);
    expect(body.next.coming).toHaveLength(3);
    expect(body.next.explanation).toMatch(/^(now|in .*), at /);
    const skipped = body.occurrences.filter((each: { readonly reason: string }) => each.reason === "dependency");
    expect(skipped.at(-1)).toEqual({
      scheduled_for: expect.any(Number),
      outcome: "skipped",
      reason: "dependency",
      run_id: null,
      explanation: expect.stringContaining("skipped: "),
    });
    expect(body.occurrences.map(({ outcome }: { readonly outcome: string }) => outcome)).not.toContain("due");
  });

  test("exits with 2 and a suggestion for an unknown job", async () => {
    await using running = await startAfterDowntime(hourly("tick"));
    const why = whyOf(running);
    const { status, stdout, stderr } = await why("tikc");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("job 'tikc' was not found; did you mean 'tick'?");
    expect(await why("../../etc")).toMatchObject({ status: 2, stdout: "" });
    expect(await why("nothing-like-it")).toMatchObject({ status: 2, stdout: "" });
  });

  test("exits with 3 if no petit answers", async () => {
    const { status, stdout, stderr } = await petit(["why", "tick", "--url", "http://127.0.0.1:9"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("no petit answers at http://127.0.0.1:9");
  });

  test("explains an occurrence that was missed while petit was down", async () => {
    const tick = `id: tick\nschedule: {cron: "@hourly", catchup: none}\n${TASKS}`;
    await using running = await startAfterDowntime(tick);
    expect((await whyOf(running)("tick")).stdout).toContain("missed: petit was not running");
  });
});
