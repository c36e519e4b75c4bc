import { expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask, readEvents, runToEnd, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: backup
enabled: false
expect: {success_within: 10ms}
schedule: "@daily"
tasks: [{id: s, type: command, command: "true"}]
---
id: nightly
expect: {success_within: 26h}
tasks: [{id: s, type: command, command: "true"}]
`;

const command = (running: Petit, ...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

const eventsOf = async (running: Petit, last: string): Promise<readonly (string | undefined)[]> => {
  const headers = { accept: "text/event-stream", "last-event-id": "0" };
  const events = readEvents(await running.fetch("/api/events", { headers }));
  const taken = await takeUntil(events, ({ event }) => event === last);
  return taken.map(({ event }) => event).filter((event) => event?.startsWith("job."));
};

test("a job that never completed is stale once over kill -9, in status, list, why and metrics, until it completes", async () => {
  const first = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  await eventsOf(first, "job.stale");
  await first.kill();
  await using running = await startPetit({ dir: first.dir, jobsDir: first.jobsDir, args: ["--no-watch"] });
  const metrics = async (): Promise<string> => await (await running.fetch("/metrics")).text();
  expect((await command(running, "status")).stdout).toMatch(
    /^✗ backup +\S.* stale\n +no run has completed yet, although one is expected within 10ms$/m,
  );
  expect((await command(running, "list")).stdout).toMatch(/^backup +stale since \d{4}-/m);
  expect((await command(running, "why", "backup")).stdout).toMatch(
    /^expected +stale since \d{4}-.*: no run has completed yet, although one is expected within 10ms$/m,
  );
  expect((await command(running, "why", "nightly")).stdout).toMatch(
    /^expected +a run completes by \d{4}-.*, 1d2h after petit first read this$/m,
  );
  expect((await command(running, "review", "--since", "1h")).stdout).toMatch(
    /^Not completed in time \(1\)\n {2}backup {2}stale since \d{4}-.*: no run has completed yet,\s+although one is expected within 10ms$/m,
  );
  const { body } = await ask(running, "/api/review?since=1h");
  expect(body.stale.items).toEqual([
    { job_id: "backup", job_name: "backup", since: expect.any(Number), success_within_ms: 10, last_success_at: null },
  ]);
  const earlier = await ask(running, `/api/review?since=2h&until=${new Date(body.stale.items[0].since).toISOString()}`);
  expect(earlier.body.stale.items).toEqual([]);
  const before = await metrics();
  for (const line of [
    'petit_job_last_success_timestamp_seconds{job_id="backup"} 0',
    'petit_job_last_success_timestamp_seconds{job_id="nightly"} 0',
    'petit_job_expected_within_seconds{job_id="backup"} 0.01',
    'petit_job_expected_within_seconds{job_id="nightly"} 93600',
    'petit_attention{kind="job_stale"} 1',
  ])
    expect(before.split("\n")).toContain(line);
  const { ended_at: endedAt } = await runToEnd(running, "nightly");
  expect(await metrics()).toContain(
    `petit_job_last_success_timestamp_seconds{job_id="nightly"} ${Number(endedAt) / 1000}\n`,
  );
  await runToEnd(running, "backup");
  expect(await eventsOf(running, "job.recovered")).toEqual(["job.stale", "job.recovered"]);
}, 60_000);
