import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, start } from "../support/petit/api.ts";
import { type Petit, petitCommand, startPetit } from "../support/petit/petit.ts";
import { taskProcesses } from "../support/torture/processes.ts";
import { endOf, eventually } from "../support/torture/run.ts";

/** A tree of three processes that ignores SIGTERM and prints a line when it is complete. */
const STUBBORN = `id: stubborn
kill_grace: 300ms
tasks:
  - id: tree
    type: shell
    script: |
      trap '' TERM
      sh -c 'trap "" TERM; sh -c "trap \\"\\" TERM; echo there; sleep 60"; sleep 60' &
      wait
`;

const said = (petit: Petit, runId: string, text: string): Promise<true> =>
  eventually(`the run says '${text}'`, async () =>
    (await (await petit.fetch(`/api/runs/${runId}/logs`)).text()).includes(text) ? true : null,
  );

const startStubborn = async (petit: Petit): Promise<string> => {
  const runId = await start(petit, "stubborn");
  await said(petit, runId, "there");
  expect(taskProcesses(petit.dbPath).length).toBeGreaterThanOrEqual(4);
  return runId;
};

describe("a tree of processes that ignores SIGTERM", () => {
  test("is killed after the grace period when it is cancelled", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": STUBBORN } });
    const runId = await startStubborn(petit);
    const askedAt = performance.now();
    await petit.fetch(`/api/runs/${runId}/cancel`, { method: "POST" });
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(300);
    expect(taskProcesses(petit.dbPath)).toEqual([]);
  });

  test("is killed after its timeout", async () => {
    const timed = STUBBORN.replace("    type: shell", "    type: shell\n    timeout: 500ms");
    await using petit = await startPetit({ jobs: { "a.yaml": timed } });
    expect(await endOf(petit, await start(petit, "stubborn"))).toMatchObject({ status: "failed", reason: "timeout" });
    expect(taskProcesses(petit.dbPath)).toEqual([]);
  });

  test("is killed at the deadline of a drain", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": STUBBORN }, args: ["--shutdown-timeout", "200ms"] });
    const runId = await startStubborn(petit);
    expect(await petit.stop()).toBe(0);
    expect(taskProcesses(petit.dbPath)).toEqual([]);
    await using again = await startPetit({ dir: petit.dir });
    expect(await endOf(again, runId)).toMatchObject({ status: "interrupted", reason: "shutdown" });
  });

  test("is killed immediately at a second signal, without the grace period", async () => {
    const patient = STUBBORN.replace("300ms", "1h");
    await using petit = await startPetit({ jobs: { "a.yaml": patient } });
    await startStubborn(petit);
    process.kill(petit.pid, "SIGTERM");
    await eventually("petit is stopping", () => (petit.stderr().includes('"signal":"SIGTERM"') ? true : null));
    process.kill(petit.pid, "SIGTERM");
    expect(await petit.exited).toBe(0);
    expect(taskProcesses(petit.dbPath)).toEqual([]);
  });

  test("keeps running with --on-shutdown leave, and the next petit ends it", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": STUBBORN }, args: ["--on-shutdown", "leave"] });
    const runId = await startStubborn(petit);
    expect(await petit.stop()).toBe(0);
    expect(taskProcesses(petit.dbPath).length).toBeGreaterThanOrEqual(4);
    await using again = await startPetit({ dir: petit.dir });
    await again.fetch(`/api/runs/${runId}/cancel`, { method: "POST" });
    expect(await endOf(again, runId)).toMatchObject({ status: "cancelled" });
    expect(taskProcesses(petit.dbPath)).toEqual([]);
  });
});

test("a task ends with its process, even if a grandchild keeps its output open", async () => {
  const job = "id: leaver\ntasks: [{id: t, type: shell, script: 'sleep 60 & echo $!'}]\n";
  await using petit = await startPetit({ jobs: { "a.yaml": job } });
  const run = await endOf(petit, await start(petit, "leaver"), 5_000);
  expect(run.status).toBe("completed");
  const grandchild = Number(run.log);
  expect(taskProcesses(petit.dbPath)).toEqual([grandchild]);
  process.kill(grandchild, "SIGKILL");
});

const canLimit = Bun.which("prlimit") !== null;

const limitFiles = (pid: number, most: number): void => {
  const { exitCode } = Bun.spawnSync(["prlimit", "--pid", String(pid), `--nofile=${most}:`]);
  expect(exitCode).toBe(0);
};

test.skipIf(!canLimit)(
  "a lack of file descriptors is a spawn failure with the error's name, is retried, and later succeeds",
  async () => {
    const job = `id: tick
schedule: "* * * * * *"
tasks: [{id: t, type: command, command: "true", retry: {max_attempts: 1000, delay: 20ms, condition: transient_only}}]
`;
    await using petit = await startPetit({ jobs: { "a.yaml": job }, args: ["--no-watch"] });
    await eventually("a first run", async () => {
      const { body } = await ask(petit, "/api/jobs/tick/runs?status=completed");
      return body.count > 0 ? true : null;
    });
    limitFiles(petit.pid, readdirSync(`/proc/${petit.pid}/fd`).length);
    const failed = await eventually("an attempt that fails", () => failedAttempt(petit));
    expect(failed.error).toContain("EMFILE");
    limitFiles(petit.pid, 1_024);
    const run = await endOf(petit, failed.runId);
    expect(run.status).toBe("completed");
    expect(run.tasks[0]?.attempts).toBeGreaterThan(1);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  },
);

/** Reads the database, because a request to petit would need a file descriptor. */
const failedAttempt = (petit: Petit): { readonly runId: string; readonly error: string } | null => {
  const db = new Database(petit.dbPath, { readonly: true });
  const row = db
    .query<{ runId: string; error: string }, []>(
      "SELECT runs.id AS runId, attempts.error FROM attempts JOIN runs ON runs.seq = run WHERE attempts.reason = 'spawn_failed' LIMIT 1",
    )
    .get();
  db.close();
  return row;
};

const canUnshare =
  Bun.spawnSync(["unshare", "-fp", "--mount-proc", "true"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;

test.skipIf(!canUnshare)("as process 1 of a container, petit reaps orphaned processes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "petit-container-"));
  mkdirSync(join(dir, "jobs"));
  // The daemon's parent exits immediately, so that process 1 becomes its parent.
  const job = `id: daemon\nschedule: "* * * * * *"\ntasks: [{id: t, type: shell, script: '(setsid sleep 0.05 &)'}]\n`;
  writeFileSync(join(dir, "jobs", "a.yaml"), job);
  const args = ["run", join(dir, "jobs"), "--db", join(dir, "petit.db"), "--no-api"];
  const container = Bun.spawn(["unshare", "-fp", "--mount-proc", ...petitCommand(), ...args], {
    cwd: dir,
    env: { PATH: process.env.PATH ?? "", HOME: dir },
    stdout: "ignore",
    stderr: "ignore",
  });
  const inside = await eventually("process 1", () => childrenOf(container.pid)[0] ?? null);
  await eventually("a process that it inherited and that has ended", () => (zombiesOf(inside) > 0 ? true : null));
  await eventually("its end is taken notice of", () => (zombiesOf(inside) === 0 ? true : null));
  process.kill(inside, "SIGTERM");
  expect(await container.exited).toBe(0);
  rmSync(dir, { recursive: true });
});

const childrenOf = (pid: number): readonly number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) => childrenOfThread(`/proc/${pid}/task/${thread}`));

const childrenOfThread = (thread: string): readonly number[] => {
  try {
    return readFileSync(`${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    // Threads come and go.
    return [];
  }
};

const zombiesOf = (pid: number): number => childrenOf(pid).filter((child) => stateOf(child) === "Z").length;

const stateOf = (pid: number): string => {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
};
