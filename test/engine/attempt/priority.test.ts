import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { getPriority } from "node:os";
import type { TaskLimits } from "../../../src/domain/limits/task-limits.ts";
import { findAccount } from "../../../src/lib/system/accounts.ts";
import { findTool } from "../../../src/lib/system/tools.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { type StartOptions, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const isRoot = process.geteuid?.() === 0;
const hasIonice = findTool("ionice") !== null;

const run = async (
  limits: TaskLimits,
  given: { readonly script?: string; readonly runAs?: string } = {},
  options: StartOptions = {},
) => {
  const { script = "nice; ionice", runAs } = given;
  const task = shell("only", script, { limits, workingDir: "/", ...(runAs !== undefined && { runAs }) });
  await using started = await startEngine({ jobs: [job("only", { tasks: [task] })], ...options });
  const { tasks, output, summary } = await started.run("only");
  return { summary, output: output(), error: tasks.only?.error ?? null };
};

describe.skipIf(!hasIonice)("priorities of tasks (need ionice)", () => {
  test("are those of the limits, also for what the task starts in the background", async () => {
    expect((await run({ nice: 7 + getPriority(), io: "idle" })).output).toBe(`${7 + getPriority()}\nidle\n`);
    expect((await run({ io: "best-effort:6" })).output).toContain("best-effort: prio 6\n");
    const script = "(setsid sh -c 'nice; ionice' &) ; wait; sleep 0.2";
    expect((await run({ nice: 19, io: "idle" }, { script })).output).toBe("19\nidle\n");
  });

  test("are those of petit without limits, and defaults of all jobs with them", async () => {
    expect((await run({}, { script: "nice" })).output).toBe(`${getPriority()}\n`);
    expect((await run({}, { script: "nice" }, { settings: { limits: { nice: 12 } } })).output).toBe("12\n");
  });

  test("are the lowest ones, not relative to those of petit", async () => {
    expect((await run({ nice: 19 }, { script: "nice" })).output).toBe("19\n");
    expect((await run({ nice: getPriority() }, { script: "nice" })).output).toBe(`${getPriority()}\n`);
  });

  test.skipIf(!isRoot)("above the usual one are given by root, also to another user", async () => {
    const script = "nice; ionice; id -un";
    const limits = { nice: -5, io: "realtime:3" } as const;
    expect((await run(limits, { script })).output).toBe("-5\nrealtime: prio 3\nroot\n");
    if (findAccount("nobody") === null) return;
    using dir = tempDir();
    chmodSync(dir.path, 0o711);
    const options = { settings: { runAsAllowed: ["nobody"] }, dir: dir.path };
    expect((await run(limits, { script, runAs: "nobody" }, options)).output).toBe("-5\nrealtime: prio 3\nnobody\n");
  });

  test.skipIf(isRoot)("above the usual one can't be given without root", async () => {
    expect(await run({ nice: -5 })).toMatchObject({
      summary: "only failed(spawn_failed)",
      error: expect.stringContaining("limits.nice is -5, but petit may not give a priority above its own"),
    });
    expect((await run({ io: "realtime" })).error).toContain("limits.io is realtime, but petit may not");
  });
});
