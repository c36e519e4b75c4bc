import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { taskProcesses } from "../support/torture/processes.ts";
import { endOf, eventually } from "../support/torture/run.ts";

/** A job that records its start, then waits for the file `go` in petit's folder. */
const WAITING = `id: waiting
tasks:
  - id: first
    type: shell
    script: |
      echo began >> began
      while [ ! -e go ]; do sleep 0.02; done
      echo done
  - {id: second, type: command, command: echo, args: [next], depends_on: [first]}
`;

const RERUN = WAITING.replace("id: waiting", "id: rerun\non_interrupt: rerun");

const begun = (petit: Petit): string => {
  try {
    return readFileSync(join(petit.dir, "began"), "utf8");
  } catch {
    return "";
  }
};

/** Starts petit, triggers the job, and kills petit during the job's only attempt. */
const killDuringAttempt = async (jobs: Readonly<Record<string, string>>, job: string) => {
  const petit = await startPetit({ jobs });
  const runId = await start(petit, job);
  await eventually("the task's begin", () => (begun(petit) === "" ? null : true));
  await petit.kill();
  return {
    petit,
    runId,
    spooled: (part: string): string => {
      const file = readdirSync(`${petit.dbPath}-spool`).find(
        (each) => /^\d+\./.test(each) && each.endsWith(`.${part}`),
      );
      return join(`${petit.dbPath}-spool`, file ?? "nothing");
    },
    forgetProcess: (): void => {
      const db = new Database(petit.dbPath);
      db.run("UPDATE attempts SET pid = NULL, pid_started = NULL, boot_id = NULL");
      db.close();
    },
    /** Changes the stored process to one with this pid that started a moment before the current one. */
    storeProcess: (pid: number): void => {
      const db = new Database(petit.dbPath);
      const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      const startTime = String(Number(statOf(pid)[19]) - 1);
      db.query("UPDATE attempts SET pid = ?, pid_started = ?, boot_id = ?").run(pid, startTime, bootId);
      db.close();
    },
    go: (): void => writeFileSync(join(petit.dir, "go"), ""),
    again: (): Promise<Petit> => startPetit({ dir: petit.dir }),
  };
};

/** Returns the fields of /proc/PID/stat from the state on. */
const statOf = (pid: number): readonly string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
};

const pidIn = (status: string): number => Number(readFileSync(status, "utf8").split("--\n").at(-1)?.split("\n")[0]);

describe("after kill -9", () => {
  test("a running attempt is adopted, and the run continues", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    await using petit = await left.again();
    left.go();
    expect(await endOf(petit, left.runId)).toMatchObject({ status: "completed", log: "done\nnext\n" });
    expect(begun(petit)).toBe("began\n");
  });

  test("a running attempt is adopted if its process was not stored yet", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    left.forgetProcess();
    await using petit = await left.again();
    left.go();
    expect(await endOf(petit, left.runId)).toMatchObject({ status: "completed", log: "done\nnext\n" });
    expect(begun(petit)).toBe("began\n");
  });

  test("an attempt that ended meanwhile keeps its exit status", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    left.go();
    await eventually("the task's end", () => (taskProcesses(left.petit.dbPath).length === 0 ? true : null));
    await using petit = await left.again();
    expect(await endOf(petit, left.runId)).toMatchObject({ status: "completed", log: "done\nnext\n" });
    expect(begun(petit)).toBe("began\n");
  });

  test("a task that petit had stopped because it printed too fast is continued", async () => {
    const printer = "id: printer\ntasks:\n  - {id: only, type: shell, script: 'echo $$ > began; exec yes'}\n";
    const petit = await startPetit({ jobs: { "a.yaml": printer } });
    const runId = await start(petit, "printer");
    await eventually("the task's begin", () => (begun(petit).endsWith("\n") ? true : null));
    const pid = Number(begun(petit));
    // petit stops the task between two reads. It stays stopped while petit is frozen.
    await eventually("a stopped task", async () => {
      process.kill(petit.pid, "SIGSTOP");
      await Bun.sleep(20);
      if (statOf(pid)[0] === "T") return true;
      process.kill(petit.pid, "SIGCONT");
      await Bun.sleep(20);
      return null;
    });
    await petit.kill();
    expect(statOf(pid)[0]).toBe("T");
    await using next = await startPetit({ dir: petit.dir });
    await next.fetch(`/api/runs/${runId}/cancel`, { method: "POST" });
    expect(await endOf(next, runId)).toMatchObject({ status: "cancelled" });
    const { tasks } = (await (await next.fetch(`/api/runs/${runId}/tasks`)).json()) as {
      readonly tasks: readonly { readonly attempt_list: readonly { readonly signal: string }[] }[];
    };
    expect(tasks[0]?.attempt_list).toMatchObject([{ signal: "SIGTERM" }]);
  });

  test("an attempt that was killed meanwhile is lost, and the run is interrupted", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    process.kill(-pidIn(left.spooled("status")), "SIGKILL");
    await using petit = await left.again();
    const run = await endOf(petit, left.runId);
    expect(run).toMatchObject({ status: "interrupted", reason: "interrupted", error: "Run was interrupted" });
    expect(run.tasks.map(({ status }) => status)).toEqual(["failed", "skipped"]);
  });

  test("an attempt that was killed meanwhile is repeated with on_interrupt: rerun", async () => {
    const left = await killDuringAttempt({ "a.yaml": RERUN }, "rerun");
    process.kill(-pidIn(left.spooled("status")), "SIGKILL");
    left.go();
    await using petit = await left.again();
    const run = await endOf(petit, left.runId);
    expect(run).toMatchObject({ status: "completed", log: "done\nnext\n" });
    expect(run.tasks.map(({ attempts }) => attempts)).toEqual([2, 1]);
  });

  for (const isStored of [true, false]) {
    test(`the remaining processes of a lost attempt are killed${isStored ? "" : " if its process was not stored yet"}`, async () => {
      const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
      if (!isStored) left.forgetProcess();
      process.kill(pidIn(left.spooled("status")), "SIGKILL");
      expect(taskProcesses(left.petit.dbPath)).not.toEqual([]);
      await using petit = await left.again();
      expect(await endOf(petit, left.runId)).toMatchObject({ status: "interrupted" });
      await eventually("the end of what was left", () => (taskProcesses(petit.dbPath).length === 0 ? true : null));
    });
  }

  for (const reason of ["cancelled", "timeout"]) {
    test(`an attempt that petit was ending, and that ended meanwhile, has the reason ${reason}`, async () => {
      const script = `trap 'echo asked >> asked; sleep 0.3; exit 143' TERM; echo began >> began; while :; do sleep 0.02; done`;
      const timeout = reason === "timeout" ? "timeout: 1s, " : "";
      const job = `id: slow\ntasks: [{id: t, type: shell, ${timeout}script: "${script}"}]\n`;
      const first = await startPetit({ jobs: { "a.yaml": job } });
      const runId = await start(first, "slow");
      await eventually("the task's begin", () => (begun(first) === "" ? null : true));
      if (reason === "cancelled") await first.fetch(`/api/runs/${runId}/cancel`, { method: "POST" });
      await eventually("it is asked to end", () => (existsSync(join(first.dir, "asked")) ? true : null));
      await first.kill();
      await eventually("the task's end", () => (taskProcesses(first.dbPath).length === 0 ? true : null));
      await using second = await startPetit({ dir: first.dir });
      expect((await endOf(second, runId)).tasks).toMatchObject([{ status: "failed", reason }]);
    });
  }

  test("another process that now has the pid of a lost attempt is not killed", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    process.kill(-pidIn(left.spooled("status")), "SIGKILL");
    const stranger = Bun.spawn(["sleep", "60"], { detached: true });
    try {
      left.storeProcess(stranger.pid);
      await using petit = await left.again();
      expect(await endOf(petit, left.runId)).toMatchObject({ status: "interrupted" });
      expect(statOf(stranger.pid)[0]).not.toBe("Z");
    } finally {
      stranger.kill("SIGKILL");
      await stranger.exited;
    }
  });

  test("an attempt that was stored but not started is started", async () => {
    const left = await killDuringAttempt({ "a.yaml": WAITING }, "waiting");
    left.forgetProcess();
    process.kill(-pidIn(left.spooled("status")), "SIGKILL");
    for (const name of readdirSync(`${left.petit.dbPath}-spool`))
      rmSync(join(`${left.petit.dbPath}-spool`, name), { recursive: true });
    left.go();
    await using petit = await left.again();
    const run = await endOf(petit, left.runId);
    expect(run).toMatchObject({ status: "completed", log: "done\nnext\n" });
    expect(run.tasks.map(({ attempts }) => attempts)).toEqual([1, 1]);
  });

  test("an adopted attempt can be cancelled, times out, and its output is read", async () => {
    const timed = WAITING.replaceAll("waiting", "timed").replace(
      "    type: shell",
      "    type: shell\n    timeout: 1500ms",
    );
    const left = await killDuringAttempt({ "a.yaml": WAITING, "b.yaml": timed }, "waiting");
    const between = await left.again();
    const timedRun = await start(between, "timed");
    await eventually("the task's begin", () => (begun(between) === "began\nbegan\n" ? true : null));
    await between.kill();
    await using petit = await left.again();
    await petit.fetch(`/api/runs/${left.runId}/cancel`, { method: "POST" });
    expect(await endOf(petit, left.runId)).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(await endOf(petit, timedRun)).toMatchObject({ status: "failed", reason: "timeout" });
    expect(taskProcesses(petit.dbPath)).toEqual([]);
  });
});
