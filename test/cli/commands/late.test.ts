import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { readEvents, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: overdue
warn_after: 10ms
tasks: [{id: s, type: command, command: sleep, args: ["60"]}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(() => running[Symbol.asyncDispose]());

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

test("a late run is shown as late by status, runs and why, and counted", async () => {
  const runId = (await ask("trigger", "overdue")).stdout.trim();
  const headers = { accept: "text/event-stream", "last-event-id": "0" };
  await takeUntil(readEvents(await running.fetch("/api/events", { headers })), ({ event }) => event === "run.late");
  const overview = (await ask("status")).stdout;
  expect(overview).toMatch(/^! overdue +\S.* late\n +was due \S+ ago and has not ended$/m);
  expect(overview).toMatch(/^● overdue \(late\) /m);
  const { items } = JSON.parse((await ask("status", "--json")).stdout).attention;
  expect(items).toEqual([expect.objectContaining({ kind: "run_late", cause: "warn_after", run_id: runId, count: 1 })]);
  expect(items[0].message).toStartWith("a run of job 'overdue' is late: it was due ");
  expect((await ask("status", runId)).stdout).toMatch(/^late +since \d{4}-/m);
  expect((await ask("runs")).stdout).toContain("running (late)");
  expect((await ask("why", "overdue")).stdout).toContain("it is late since ");
  expect(await (await running.fetch("/metrics")).text()).toContain('petit_late_runs_total{job_id="overdue"} 1');
}, 60_000);
