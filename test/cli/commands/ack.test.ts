import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: load
tasks: [{id: copy, type: shell, script: "echo 'disk full' >&2; exit 1"}]
---
id: outer
tasks: [{id: call, type: job, job: inner}]
---
id: inner
tasks: [{id: work, type: shell, script: "echo 'no such table' >&2; exit 1"}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  await runToEnd(running, "load");
  await runToEnd(running, "outer");
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

describe("petit ack and petit snooze", () => {
  test("acknowledge what needs attention about a job, with a note and an owner, and take that back", async () => {
    const { stdout } = await run("ack", "load", "--note", "known", "--owner", "mara");
    expect(stdout).toStartWith("job_failing:load is acknowledged: job 'load' failed");
    expect((await run("status")).stdout).toContain("acknowledged by 127.0.0.1; owner mara; known");
    expect((await run("why", "load")).stdout).toMatch(
      /^known {7}failed: acknowledged by 127.0.0.1; owner mara; known$/m,
    );
    expect(JSON.parse((await run("why", "load", "--json")).stdout).attention).toMatchObject([{ owner: "mara" }]);
    expect((await run("ack", "job_failing:load", "--undo")).stdout).toContain("is no longer acknowledged");
  });

  test.each(["inner", "job_failing:inner"])(
    "acknowledge the entry of the job in whose run %s failed, and say so",
    async (what) => {
      const { stdout, stderr } = await run("ack", what, "--note", "mara looks");
      expect(stdout).toStartWith("job_failing:outer is acknowledged: ");
      expect(stderr).toBe(
        "'inner' has no entry of its own: it failed in a run of 'outer', whose entry is job_failing:outer\n",
      );
      expect((await run("status")).stdout).toContain("mara looks");
      expect((await run("ack", what, "--undo")).stdout).toStartWith("job_failing:outer is no longer acknowledged");
    },
  );

  test("snooze for a time, until a time and until it changes", async () => {
    expect((await run("snooze", "load", "--for", "2h")).stdout).toMatch(/is snoozed until \d{4}-/);
    expect((await run("snooze", "load", "--until", "tomorrow")).stdout).toMatch(
      /is snoozed until \d{4}-\d\d-\d\d 00:00:00/,
    );
    expect((await run("snooze", "load", "--until-change")).stdout).toContain("is snoozed until it changes");
    const [entry] = JSON.parse((await run("snooze", "load", "--undo", "--json")).stdout);
    expect(entry).toMatchObject({ id: "job_failing:load", snoozed: null });
  });

  test("say whose acknowledgement they replace", async () => {
    const asOtto = () =>
      fetch(`${running.url}/api/attention/job_failing:load/acknowledge`, {
        method: "POST",
        body: JSON.stringify({ owner: "otto" }),
      });
    expect((await asOtto()).status).toBe(200);
    const { stdout } = await run("ack", "load", "--owner", "mara");
    expect(stdout).toStartWith("job_failing:load is acknowledged (was looked after by otto): job 'load' failed");
    await run("ack", "load", "--owner", "", "--note", "");
    expect((await run("ack", "load", "--undo")).stdout).toStartWith("job_failing:load is no longer acknowledged: ");
  });

  test.each<[readonly string[], string]>([
    [["ack", "lod"], "nothing about 'lod' needs attention; did you mean 'load'?"],
    [["snooze", "load"], "petit snooze needs a time"],
    [["snooze", "load", "--for", "soon"], "--for is 'soon'"],
    [["snooze", "load", "--until", "2020-01-01"], "--until is '2020-01-01'"],
    [["snooze", "load", "--for", "1h", "--until-change"], "takes only one of its times"],
  ])("say what is wrong with %p", async (args, message) => {
    const { status, stderr } = await run(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test("take the former id of a renamed job, also as a part of an entry's id", async () => {
    writeFileSync(join(running.jobsDir, "all.yaml"), JOBS.replace("id: load", "id: load_all\nformerly: load"));
    await post(running, "/api/jobs/reload");
    for (const what of ["load", "job_failing:load", "load_all"]) {
      expect((await run("ack", what)).stdout).toStartWith("job_failing:load_all is acknowledged: ");
      expect((await run("ack", what, "--undo")).stdout).toStartWith("job_failing:load_all is no longer acknowledged: ");
    }
    const { body } = await ask(running, "/api/attention?job=load");
    expect(body.items).toMatchObject([{ id: "job_failing:load_all", job_id: "load_all" }]);
    const entry = (await ask(running, "/api/attention/job_failing:load")).body;
    expect(entry).toEqual(body.items[0]);
    expect((await post(running, "/api/attention/job_failing:load/note", { note: "n" })).body.note).toBe("n");
    expect((await ask(running, "/api/attention/job_failing:nothing")).status).toBe(404);
    const old = { note: "late", expected_version: entry.mark_version };
    expect((await post(running, "/api/attention/job_failing:load/note", old)).body).toMatchObject({
      code: "CONFLICT",
      details: { reason: "mark_changed", entry_id: "job_failing:load_all", note: "n", acknowledged: null },
    });
  });
});
