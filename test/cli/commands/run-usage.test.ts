import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { parseMetrics } from "../../support/petit/metrics.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: busy
tasks:
  - {id: counts, type: shell, script: "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"}
  - {id: each, type: shell, foreach: [a, b], script: "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"}
---
id: client
tasks: [{id: asks, type: http, url: "http://127.0.0.1:1/"}]
---
id: waits
tasks: [{id: never, type: approval}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(() => running[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

describe("what a run used", () => {
  test("is in its table of tasks, and in the API, the items of a task together", async () => {
    const { id } = await runToEnd(running, "busy");
    const { stdout } = await run("status", id);
    expect(stdout).toMatch(/^TASK +STATUS .*CPU/m);
    expect(stdout).toMatch(/^counts +completed .* \d+(ms|\.\ds) /m);
    const { body } = await ask(running, `/api/runs/${id}/tasks`);
    const [counts, each] = body.tasks;
    expect(counts.usage.memory_limit_bytes).toBeNull();
    expect(counts.attempt_list[0].usage).toMatchObject({ cpu_user_ms: counts.usage.cpu_user_ms, source: "wait" });
    expect(counts.usage.cpu_user_ms + counts.usage.cpu_system_ms).toBeGreaterThan(10);
    expect(each.usage.cpu_user_ms + each.usage.cpu_system_ms).toBeGreaterThan(20);
    const { body: detail } = await ask(running, `/api/runs/${id}`);
    expect(detail.usage.cpu_user_ms).toBe(counts.usage.cpu_user_ms + each.usage.cpu_user_ms);
  });

  test("is in the list of runs if that is asked for", async () => {
    const { id } = await runToEnd(running, "busy");
    expect((await run("runs", "busy", "--usage")).stdout).toMatch(/^RUN .*CPU +MEMORY/m);
    expect((await run("runs", "busy")).stdout).not.toContain("CPU");
    const listed = JSON.parse((await run("runs", "busy", "--usage", "--json")).stdout);
    const { body: detail } = await ask(running, `/api/runs/${id}`);
    expect(listed.runs[0]).toMatchObject({ id, usage: detail.usage });
    expect(JSON.parse((await run("runs", "busy", "--json")).stdout).runs[0]).not.toHaveProperty("usage");
  });

  test("is not known of a client of a server, and of a run that waits", async () => {
    const { id } = await runToEnd(running, "client");
    expect((await ask(running, `/api/runs/${id}`)).body.usage).toBeNull();
    expect((await run("status", id)).stdout).not.toContain("CPU");
    const waiting = (await run("trigger", "waits")).stdout.trim();
    expect((await ask(running, `/api/runs/${waiting}`)).body.usage).toBeNull();
    expect((await run("runs", "waits", "--usage")).stdout).toMatch(/ - +-/);
  });

  test("is in the metrics, by job", async () => {
    const before = parseMetrics(await (await running.fetch("/metrics")).text());
    await runToEnd(running, "busy");
    const after = parseMetrics(await (await running.fetch("/metrics")).text());
    const labels = { job_id: "busy" };
    const counted = (scrape: typeof after) => scrape.value("petit_task_cpu_seconds_count", labels) ?? 0;
    expect(counted(after) - counted(before)).toBe(3);
    expect(after.value("petit_task_cpu_seconds_sum", labels)).toBeGreaterThan(0.03);
    expect(after.value("petit_task_cpu_seconds_count", { job_id: "client" })).toBeNull();
    expect(after.types).toMatchObject({
      petit_task_cpu_seconds: "histogram",
      petit_task_memory_peak_bytes: "histogram",
    });
  });
});
