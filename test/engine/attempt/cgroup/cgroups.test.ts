import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRunId } from "../../../../src/domain/ids.ts";
import { Cgroup } from "../../../../src/engine/attempt/cgroup/cgroup.ts";
import { Cgroups } from "../../../../src/engine/attempt/cgroup/cgroups.ts";
import { identify } from "../../../../src/engine/attempt/identity.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { cgroupBase, whyNoCgroups } from "../../../support/cgroups.ts";
import { type Child, startChild } from "../../../support/child.ts";
import { items, job, shell } from "../../../support/engine/factories.ts";
import { FakeClock } from "../../../support/engine/fake-clock.ts";
import { gate } from "../../../support/engine/gate.ts";
import { startEngine, waitFor } from "../../../support/engine/started-engine.ts";
import { processDir } from "../../../support/process-dir.ts";
import { runtimeCommand } from "../../../support/runtime-command.ts";

const attempt = (id: number) => ({ id, startedAt: 1_000 + id, process: null });
const NO_LIMITS = { limits: {}, wrapperPids: 1 };
/** How long a cgroup with processes waits until it is looked at again. */
const RETRY_MS = 10_000;

const open = () => {
  const base = cgroupBase();
  const clock = new FakeClock();
  const of = (spoolDir: string) => new Cgroups({ support: base.support, spoolDir, clock, log: silentLog });
  return { base, clock, of, [Symbol.dispose]: () => base[Symbol.dispose]() };
};

/** Starts a process in a cgroup. */
const enter = async (cgroup: Cgroup | null): Promise<Child> => {
  const child = startChild(["sh", "-c", `echo $$ > ${cgroup?.procs}; echo in; exec sleep 60`]);
  await child.nextLine();
  return child;
};

const isAlive = ({ pid }: Child): boolean => identify(pid) !== null;

describe.skipIf(whyNoCgroups !== null)(`the cgroups of a petit (${whyNoCgroups ?? "with cgroups"})`, () => {
  test("are removed when their last process has ended, which is looked for now and then", async () => {
    using it = open();
    using cgroups = it.of("/spool");
    using child = await enter(cgroups.create(attempt(1), NO_LIMITS));
    cgroups.remove(attempt(1));
    expect(it.base.names).toHaveLength(1);
    await it.clock.pass(RETRY_MS);
    expect(it.base.names).toHaveLength(1);
    child.kill();
    await child.exited;
    await it.clock.pass(RETRY_MS);
    expect(it.base.names).toEqual([]);
    expect(it.clock.timers).toEqual([]);
  });

  test("of an earlier process are removed, except of attempts that go on, and their processes run on", async () => {
    using it = open();
    using before = it.of("/spool");
    for (const id of [1, 2]) before.create(attempt(id), NO_LIMITS);
    using child = await enter(before.create(attempt(3), NO_LIMITS));
    using after = it.of("/spool");
    after.removeOthers(new Set([2]));
    expect(it.base.names.map((name) => name.split("-")[2]).sort()).toEqual(["2", "3"]);
    expect(isAlive(child)).toBe(true);
    expect(after.find(attempt(2))?.folder).toContain(it.base.path);
    expect(after.find(attempt(1))).toBeNull();
    child.kill();
    await child.exited;
    await it.clock.pass(RETRY_MS);
    expect(it.base.names.map((name) => name.split("-")[2])).toEqual(["2"]);
  });

  test("of another petit are left alone, also empty ones and those with the same id", async () => {
    using it = open();
    using other = it.of("/other");
    other.create(attempt(1), NO_LIMITS);
    using child = await enter(other.create(attempt(2), NO_LIMITS));
    mkdirSync(join(it.base.path, "petit"));
    using own = it.of("/spool");
    own.removeOthers(new Set());
    own.create(attempt(2), NO_LIMITS)?.kill();
    own.remove(attempt(2));
    expect(isAlive(child)).toBe(true);
    expect(it.base.names).toHaveLength(3);
    expect(own.find(attempt(1))).toBeNull();
  });

  test("are found where the process is, also below another base", async () => {
    using it = open();
    using before = it.of("/spool");
    using child = await enter(before.create(attempt(1), NO_LIMITS));
    using base = cgroupBase();
    using after = new Cgroups({ support: base.support, spoolDir: "/spool", clock: it.clock, log: silentLog });
    const identity = identify(child.pid);
    expect(after.find({ ...attempt(1), process: identity })?.folder).toBe(join(it.base.path, it.base.names[0] ?? ""));
    expect(after.find({ ...attempt(9), process: identity })).toBeNull();
  });

  test("are removed with those that their processes have created in them", async () => {
    using it = open();
    using cgroups = it.of("/spool");
    const cgroup = cgroups.create(attempt(1), NO_LIMITS);
    const nested = join(cgroup?.folder ?? "", "petit-0123abcd-1-a", "petit");
    mkdirSync(nested, { recursive: true });
    using child = await enter(new Cgroup(nested));
    cgroups.remove(attempt(1));
    expect(it.base.names).toHaveLength(1);
    expect(cgroup?.isPopulated).toBe(true);
    cgroup?.kill();
    await child.exited;
    await it.clock.pass(RETRY_MS);
    expect(it.base.names).toEqual([]);
  });
});

const BURN = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";

describe.skipIf(whyNoCgroups !== null)("after kill -9 of petit", () => {
  /** Starts an engine in a process of its own, which runs a job in a cgroup, and kills it when the job has reached the gate. */
  const killed = async (script: string) => {
    const [base, dir, door] = [cgroupBase(), processDir(), gate()];
    const jobs = [job("one", { killGraceMs: 100, tasks: [shell("t", script.replace("GATE", door.wait))] })];
    writeFileSync(dir.file("jobs.json"), JSON.stringify(jobs));
    const file = join(import.meta.dirname, "../../../support/engine/process.ts");
    using child = startChild([...runtimeCommand, file, dir.path, dir.file("jobs.json"), "one", base.path]);
    const id = parseRunId((await child.nextLine()).trim()) ?? expect.unreachable();
    await door.reached();
    child.kill();
    await child.exited;
    const dispose = () => {
      for (const each of [door, base, dir]) each[Symbol.dispose]();
    };
    return { id, dir, base, door, jobs, [Symbol.dispose]: dispose };
  };

  test("an attempt keeps its cgroup, and its usage is complete", async () => {
    using it = await killed(`${BURN}; GATE; ${BURN}`);
    const { dir, jobs, base, id, door } = it;
    const before = new Cgroup(join(base.path, base.names[0] ?? "")).usage();
    await using petit = await startEngine({ dir: dir.path, jobs, cgroups: base.support });
    expect(base.names).toHaveLength(1);
    door.open();
    const { attempts, summary } = await petit.ended(id);
    expect(summary).toBe("t completed");
    expect(attempts[0]?.usage?.source).toBe("cgroup");
    expect(attempts[0]?.usage?.cpuUserMs).toBeGreaterThan((before?.cpuUserMs ?? 0) * 1.3);
    expect(base.names).toEqual([]);
  });

  test("a cancel ends what has left the process group of an adopted attempt", async () => {
    const deaf = `setsid sh -c 'trap "" TERM; echo $$ > "$PETIT_OUTPUT.pid"; while :; do sleep 1; done' >/dev/null 2>&1 &`;
    using it = await killed(`${deaf} while [ ! -s "$PETIT_OUTPUT.pid" ]; do sleep 0.01; done; GATE`);
    const { dir, jobs, base, id } = it;
    const procs = join(base.path, base.names[0] ?? "", "cgroup.procs");
    const pids = readFileSync(procs, "utf8").trim().split("\n").map(Number);
    await using petit = await startEngine({ dir: dir.path, jobs, cgroups: base.support });
    await petit.engine.cancel(id);
    expect((await petit.ended(id)).summary).toBe("t failed(cancelled)");
    expect(pids.filter((pid) => identify(pid) !== null)).toEqual([]);
    expect(base.names).toEqual([]);
  });
});

describe.skipIf(whyNoCgroups !== null)("2,000 attempts", () => {
  test("leave no cgroup, also with kill -9 of petit in between", async () => {
    using base = cgroupBase();
    using dir = processDir();
    const values = Array.from({ length: 500 }, (_, index) => String(index));
    const jobs = [
      job("many", {
        onInterrupt: "rerun",
        maxConcurrency: null,
        tasks: [shell("t", "true", { items: items(values) })],
      }),
    ];
    writeFileSync(dir.file("jobs.json"), JSON.stringify(jobs));
    const file = join(import.meta.dirname, "../../../support/engine/process.ts");
    let seen = 0;
    for (let kills = 0; kills < 4; kills++) {
      using child = startChild([...runtimeCommand, file, dir.path, dir.file("jobs.json"), "many", base.path]);
      await child.nextLine();
      await waitFor(() => base.names.length > 0);
      child.kill();
      await child.exited;
      seen += base.names.length;
    }
    expect(seen).toBeGreaterThan(0);
    await using petit = await startEngine({
      dir: dir.path,
      jobs,
      cgroups: base.support,
      settings: { usage: "cgroup", maxTasks: 8 },
    });
    for (const run of petit.store.runs.list({ jobId: job("many").id, limit: 9 })) {
      const { summary, attempts } = await petit.ended(run.id);
      expect(summary).toBe("t completed");
      expect(attempts.length).toBeGreaterThanOrEqual(500);
    }
    expect(base.names).toEqual([]);
  }, 120_000);
});
