import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readHello } from "../../src/domain/workers/protocol.ts";
import { identify } from "../../src/engine/attempt/identity.ts";
import { findAccount } from "../../src/lib/system/accounts.ts";
import { findTool } from "../../src/lib/system/tools.ts";
import { cgroupBase, cgroupOf, whyNoCgroups } from "../support/cgroups.ts";
import { shell } from "../support/engine/factories.ts";
import { eventually } from "../support/torture/run.ts";
import type { FakeScheduler } from "../support/workers/fake-scheduler.ts";
import { startWorker } from "../support/workers/started-worker.ts";

const outcomeOf = (scheduler: FakeScheduler) => eventually("the outcome is handed over", () => scheduler.of(5).outcome);

const ESCAPES = `setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`;

test("a hello says which limits the worker enforces, and why not all, whatever the folder is called", async () => {
  const reason = `petit may not write to /${"\u001b\n"}${"long".repeat(200)}`;
  const support = { kind: "delegated", base: "/", controllers: new Set(["pids"] as const) } as const;
  await using started = startWorker({ cgroups: { ...support, gap: { reason, advice: "wait" } } });
  await eventually("it is accepted", () => (started.worker.status.isAccepted ? true : null));
  const [hello] = started.scheduler.hellos;
  expect(hello).toMatchObject({ limits: ["pids"], limitsGap: { advice: "wait" } });
  expect(hello?.limitsGap?.reason).toBe(`petit may not write to /??${"long".repeat(200)}`.slice(0, 512));
  expect(() => readHello(hello)).not.toThrow();
  expect(() => readHello({ ...hello, limitsGap: { reason, advice: "wait" } })).toThrow("limitsGap");
});

describe("an attempt on a worker", () => {
  test("is reported with what it used", async () => {
    await using started = startWorker();
    started.scheduler.offer(shell("only", "true"));
    const { result } = await outcomeOf(started.scheduler);
    expect(result.usage).toMatchObject({ source: "wait", cpuUserMs: expect.any(Number) });
    expect(result).toMatchObject({ memoryLimitBytes: null, limitsEnforced: null });
  });

  test.skipIf(whyNoCgroups !== null)("runs in a cgroup of its own, which outlives the worker process", async () => {
    using base = cgroupBase();
    await using started = startWorker({ cgroups: base.support });
    const { scheduler } = started;
    const limits = { memoryBytes: 2 ** 26, enforce: "best_effort" } as const;
    await eventually("it has a lease", () => (started.worker.status.isAccepted ? true : null));
    scheduler.offer(shell("only", ESCAPES, { limits }), { onInterrupt: "rerun" });
    const escaped = Number(await eventually("it runs", () => /^\d+/.exec(scheduler.of(5).output)?.[0] ?? null));
    const [name = ""] = base.names;
    expect(cgroupOf(escaped, base.path)).toBe(name);
    const guarded = join(started.dir, "guarded");
    const [file = ""] = readdirSync(guarded);
    expect(readFileSync(join(guarded, file), "utf8").split("\n")[3]).toBe(join(base.path, name));
    await started.leave();
    started.again();
    await eventually("it is adopted", () => (started.worker.status.running === 1 ? true : null));
    await scheduler.control({
      kind: "end",
      scheduler: "scheduler-1",
      attempt: 5,
      epoch: 1,
      reason: "cancelled",
      force: false,
    });
    const { result } = await outcomeOf(scheduler);
    expect(result).toMatchObject({
      outcome: { reason: "cancelled" },
      usage: { source: "cgroup" },
      limitsEnforced: false,
    });
    expect(identify(escaped)).toBeNull();
    await eventually("the cgroup is removed", () => (base.names.length === 0 ? true : null));
  });
});

test.skipIf(whyNoCgroups !== null)(
  "a worker whose database was deleted ends the cgroups of what it does not know, with processes that nothing else identifies",
  async () => {
    using base = cgroupBase();
    await using started = startWorker({ cgroups: base.support });
    const { scheduler, dir } = started;
    const script = "setsid env -i /bin/sh -c 'echo $$; while :; do /bin/sleep 1; done' & wait";
    scheduler.offer(shell("only", script, { limits: { pids: 9, enforce: "best_effort" } }));
    const escaped = Number(await eventually("it runs", () => /^\d+/.exec(scheduler.of(5).output)?.[0] ?? null));
    await started.leave();
    for (const name of readdirSync(dir)) if (name.startsWith("worker.db")) rmSync(join(dir, name));
    expect(identify(escaped)).not.toBeNull();
    started.again();
    await eventually("it is ended", () => (identify(escaped) === null ? true : null));
  },
);

const isReady = process.geteuid?.() === 0 && findTool("setpriv") !== null && findAccount("nobody") !== null;

describe.skipIf(!isReady)("run_as on a worker (needs root, setpriv and the user nobody)", () => {
  /** Runs `id -un` as nobody. Returns its outcome and its output. */
  const run = async (given: Parameters<typeof startWorker>[0]) => {
    await using started = startWorker(given);
    for (const folder of [started.dir, join(started.dir, "spool")]) chmodSync(folder, 0o711);
    started.scheduler.offer(shell("only", "id -un", { runAs: "nobody", workingDir: "/" }));
    const { result } = await outcomeOf(started.scheduler);
    return { outcome: result.outcome, output: started.scheduler.of(5).output };
  };

  test("is what the list of the worker allows", async () => {
    expect(await run({ runAsAllowed: ["nobody"] })).toMatchObject({
      outcome: { status: "completed" },
      output: "nobody\n",
    });
  });

  test.each([
    ["without a list", {}],
    ["with a user of the worker, which the list does not name", { user: findAccount("nobody") }],
  ])("is refused %s", async (_what, { user }: { readonly user?: ReturnType<typeof findAccount> }) => {
    const given = user == null ? {} : { user: { ...user, setpriv: findTool("setpriv") ?? "" } };
    const { outcome, output } = await run(given);
    expect(outcome).toMatchObject({ status: "failed", reason: "spawn_failed" });
    expect(outcome.error).toContain("tasks may not run as 'nobody'");
    expect(output).toBe("");
  });
});
