import { expect, test } from "bun:test";
import { petit as cli } from "../support/cli.ts";
import { ask, post, readEvents, takeUntil } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

/** A job that is due in the hour that one day of the year does not have. */
const DAILY = `
id: daily
schedule: {cron: "30 2 * * *", timezone: America/New_York, except: ["2025-12-25"]}
params: {table: {default: all, enum: [all, orders]}}
retention: {runs: 5000, days: 4000}
on_interrupt: rerun
tasks: [{id: load, type: shell, script: 'echo "$PETIT_INTERVAL_START $PETIT_INTERVAL_END $PETIT_PARAM_TABLE"'}]
---
id: plain
tasks: [{id: only, type: command, command: "true"}]
`;

type Run = {
  readonly id: string;
  readonly scheduled_for: number;
  readonly interval_start: number;
  readonly status: string;
};

/** Starts petit, lets it end some runs, and kills it. */
const killAfter = async (dir: string | null, runs: number): Promise<string> => {
  const petit = await startPetit(dir === null ? { jobs: { "jobs.yaml": DAILY } } : { dir });
  const events = readEvents(await petit.fetch("/api/events"));
  if (dir === null) {
    const asked = { job_id: "daily", from: "2025-01-01", to: "2025-12-31", parallel: 4, params: { table: "orders" } };
    expect((await post(petit, "/api/backfills", asked)).status).toBe(201);
  }
  let ended = 0;
  await takeUntil(events, ({ event }) => event === "run.finished" && ++ended === runs);
  await petit.kill();
  return petit.dir;
};

const untilEnded = async (petit: Petit): Promise<void> => {
  const events = readEvents(await petit.fetch("/api/events"));
  const { body } = await ask(petit, "/api/backfills");
  if (body.backfills[0].ended_at === null)
    await takeUntil(events, ({ event, data }) => event === "backfill" && data.includes('"completed"'));
};

test("a year with both changes of the clock is run once each, over kill -9", async () => {
  const dir = await killAfter(null, 60);
  for (const runs of [1, 80, 100]) await killAfter(dir, runs);
  await using petit = await startPetit({ dir });
  await untilEnded(petit);
  const { body } = await ask(petit, "/api/backfills");
  const [backfill] = body.backfills;
  // Each day but for Christmas.
  const total = 364;
  expect(backfill).toMatchObject({
    status: "completed",
    runs: { total, pending: 0, running: 0, completed: total, failed: 0, cancelled: 0 },
  });
  const all: Run[] = (await ask(petit, `/api/runs?backfill_id=${backfill.id}&limit=1000`)).body.runs.toReversed();
  const times = all.map(({ scheduled_for }) => scheduled_for);
  expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
  expect(times).toHaveLength(total);
  for (const [index, run] of all.entries()) if (index > 0) expect(run.interval_start).toBe(times[index - 1] ?? 0);
  const at = (iso: string): Run =>
    all.find(({ scheduled_for }) => scheduled_for === Date.parse(iso)) ?? expect.unreachable();
  const inGap = at("2025-03-09T03:00:00-04:00");
  expect(inGap).toMatchObject({ interval_start: Date.parse("2025-03-08T02:30:00-05:00"), trigger: "backfill" });
  expect(at("2025-11-02T02:30:00-05:00").interval_start).toBe(Date.parse("2025-11-01T02:30:00-04:00"));
  expect((await (await petit.fetch(`/api/runs/${inGap.id}/logs`)).text()).trim()).toContain(
    "2025-03-08T07:30:00.000Z 2025-03-09T07:00:00.000Z orders",
  );
});

test("the command line makes, follows, refuses and cancels a backfill", async () => {
  await using petit = await startPetit({ jobs: { "jobs.yaml": DAILY } });
  const run = (...args: readonly string[]) => cli([...args, "--url", petit.url]);
  const march = ["daily", "--from", "2025-03-08", "--to", "2025-03-09"];
  const plan = await run("backfill", ...march, "--dry-run");
  expect(plan.stdout).toContain("2025-03-09 03:00:00 EDT  2025-03-08 02:30:00 EST");
  expect([plan.status, plan.stderr]).toEqual([0, "2 runs of 'daily' would be made; nothing was started\n"]);
  const waited = await run("backfill", ...march, "--parallel", "2", "--param", "table=orders", "--wait");
  expect(waited.status).toBe(0);
  expect(waited.stderr).toContain("completed: 2 of 2 done");
  const id = waited.stdout.trim();
  const again = await run("backfill", ...march);
  expect(again).toMatchObject({
    status: 1,
    stderr:
      "petit: there is nothing to run: each of the 2 occurrences of 'daily' in this range has a run already; existing=failed or existing=all runs them again\n",
  });
  expect(await run("backfill", "daily", "--from", "2025-02-30", "--to", "2025-03-09")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--from: '2025-02-30' is no time; expected a date such as 2026-11-01"),
  });
  expect(await run("backfill", "daily", "--from", "2025-03-09")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("needs --from and --to"),
  });
  expect(await run("backfill", "plain", "--from", "2025-03-08", "--to", "2025-03-09")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("job 'plain' has no schedule"),
  });
  expect(await run("backfill", "list")).toMatchObject({ status: 0, stdout: expect.stringContaining("2 of 2 done") });
  const shown = await run("backfill", "show", id.slice(-8));
  expect(shown.stdout).toMatch(/status +completed\n.*runs +2 of 2 done\n/);
  expect((await run("runs", "--backfill", id.slice(-8), "--json")).stdout).toContain('"count": 2');
  expect((await run("why", "daily")).stdout).toContain(`backfill ${id}`);
  expect((await run("why", "daily")).stdout).toContain("run by a backfill: run ");
  await run("pause", "daily");
  const made = (await run("backfill", "daily", "--from", "2025-01-01", "--to", "2025-01-31")).stdout.trim();
  expect(await run("backfill", "pause", made)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("is paused"),
  });
  expect(await run("backfill", "resume", made)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("is running"),
  });
  expect(await run("backfill", "cancel", made)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("is cancelled"),
  });
  expect(await run("backfill", "resume", made)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("is cancelled already"),
  });
  expect(await run("backfill", "show", "no-such-id")).toMatchObject({ status: 2 });
});
