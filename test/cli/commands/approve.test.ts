import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: release
tasks:
  - {id: lint, type: shell, allow_failure: true, script: exit 3}
  - {id: ok, type: approval, prompt: Go on?, depends_on: [lint]}
---
id: two
tasks: [{id: a, name: Go live, type: approval}, {id: b, type: approval}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

/** Starts a run. Resolves with its id when all of these tasks wait for a person. */
const asking = async (job: string, ...tasks: readonly string[]): Promise<string> => {
  const id = (await run("trigger", job)).stdout.trim();
  for (;;) {
    const { body } = await ask(running, `/api/runs/${id}/tasks`);
    const waiting = body.tasks.filter(({ status }: { status: string }) => status === "running");
    if (waiting.length === tasks.length) return id;
  }
};

describe("petit approve and petit reject", () => {
  test("are for runs that no list calls running", async () => {
    const id = await asking("two", "a", "b");
    const { body } = await ask(running, `/api/runs/${id}`);
    expect(body).toMatchObject({ status: "running", waiting_for: "approval" });
    const { body: list } = await ask(running, `/api/runs/${id}/tasks`);
    expect(list.tasks).toMatchObject([{ waiting_for: "approval" }, { waiting_for: "approval" }]);
    for (const [name, ...args] of [["runs", "two"], ["status", id], ["status"], ["why", "two"], ["list"]] as const) {
      const { stdout } = await run(name, ...args);
      const line = stdout.split("\n").findLast((each) => /two|waits/.test(each) && /approval/.test(each));
      expect([name, line]).toEqual([name, expect.stringMatching(/waits|waiting/i)]);
      expect([name, line]).not.toEqual([name, expect.stringContaining("running")]);
    }
    await run("cancel", id);
  });

  test("are named by petit status, with what the run waits for, and continue the run", async () => {
    const id = await asking("release", "ok");
    const { stdout } = await run("status", id);
    expect(stdout).toContain(
      "\nwarnings  1 task failed, which the job allows\nwaits for approval of task 'ok': Go on?\n",
    );
    expect(stdout).toContain(
      `\n  petit approve ${id} ok  lets the run continue\n  petit reject ${id} ok   fails the task\n`,
    );
    expect(await run("approve", id, "--comment", "fine")).toMatchObject({
      status: 0,
      stdout: "task 'ok' is approved\n",
    });
    while ((await ask(running, `/api/runs/${id}`)).body.ended_at === null);
    expect((await run("runs", "release")).stdout).toContain("  completed (1 warning)  ");
    expect((await run("status", id)).stdout).toContain("\ndecided   task 'ok' was approved by 127.0.0.1\n");
    expect((await run("why", "release")).stdout).toContain("; task 'ok' was approved by 127.0.0.1\n");
    const { body } = await ask(running, `/api/runs/${id}/tasks`);
    expect(body.tasks[1].outputs).toEqual({ decision: "approved", by: "127.0.0.1", comment: "fine" });
    const again = await run("approve", id);
    expect({ ...again, stdout: "" }).toMatchObject({ status: 1 });
    expect(again.stderr).toContain("has no task that waits for approval");
  });

  test("need the task if several wait", async () => {
    const id = await asking("two", "a", "b");
    const { status, stderr } = await run("approve", id);
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Go live (a), b; name one"),
    });
    expect(await run("reject", id, "a", "--comment", "not today")).toMatchObject({ status: 0 });
    expect(await run("approve", id, "b")).toMatchObject({ status: 0 });
    while ((await ask(running, `/api/runs/${id}`)).body.ended_at === null);
    expect((await run("status", id)).stdout).toContain("task 'a' failed: rejected by 127.0.0.1: not today");
    expect((await run("status", id)).stdout).toContain(
      "\ndecided   task 'a' was rejected by 127.0.0.1\n          task 'b' was approved by 127.0.0.1\n",
    );
    // The error of the run says who rejected it.
    const [why] = (await run("why", "two")).stdout.split("\n").filter((line) => line.startsWith("last run"));
    expect(why).toContain("task 'a' failed: rejected by 127.0.0.1: not today (run ");
    expect(why).toEndWith("; task 'b' was approved by 127.0.0.1");
  });
});
