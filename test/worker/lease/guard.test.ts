import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { Cgroup } from "../../../src/engine/attempt/cgroup/cgroup.ts";
import { identify } from "../../../src/engine/attempt/identity.ts";
import { WRAPPER } from "../../../src/engine/attempt/wrapper.ts";
import { readStatus, type Spool } from "../../../src/engine/output/spool.ts";
import { Guard, uptimeMs } from "../../../src/worker/lease/guard.ts";
import { cgroupBase, whyNoCgroups } from "../../support/cgroups.ts";
import { startChild } from "../../support/child.ts";
import { canMount, smallDisk } from "../../support/engine/faults.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { processDir } from "../../support/process-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

const MARGIN_MS = 80;

const now = (): number => uptimeMs() ?? 0;

/** A state folder with a guard that is ended with it. */
const openGuard = () => {
  const dir = processDir();
  mkdirSync(join(dir.path, "spool"));
  const place = { stateDir: dir.path, spoolDir: join(dir.path, "spool"), runtime: openRuntime() };
  const guard = new Guard({ ...place, instance: "one" });
  const pid = (): number => Number(readFileSync(join(dir.path, "guard.pid"), "utf8"));
  return {
    dir: dir.path,
    guard,
    /** The guard of another worker that uses the same folder. */
    other: () => new Guard({ ...place, instance: "two" }),
    pid,
    spool: makeSpool(join(dir.path, "spool"), 7),
    attempt: { id: 7, status: makeSpool(join(dir.path, "spool"), 7).status, container: null, cgroup: null },
    [Symbol.dispose]: () => {
      if (existsSync(join(dir.path, "guarded"))) {
        guard.setLease({ untilMs: now() + 60_000, marginMs: 1 });
        guard.remove(7);
      }
      dir[Symbol.dispose]();
    },
  };
};

const startAttempt = (spool: Spool, ...argv: readonly string[]) => {
  writeFileSync(spool.status, "41\n0\n--\n");
  return startChild(["/bin/sh", "-c", `exec 3>>"$0"; ${WRAPPER}`, spool.status, ...argv]);
};

describe("the guard", () => {
  test.skipIf(!canMount)("gets a longer lease while the disk is full", () => {
    using dir = tempDir();
    using disk = smallDisk(dir.path, 1_000_000);
    const guard = new Guard({ stateDir: dir.path, spoolDir: dir.path, runtime: openRuntime(), instance: "one" });
    guard.setLease({ untilMs: 1_000, marginMs: MARGIN_MS });
    disk.fill();
    for (const untilMs of [20_000, 300_000, 4_000]) {
      guard.setLease({ untilMs, marginMs: MARGIN_MS });
      expect(guard.leaseMs).toBe(untilMs);
    }
  });

  test("ends a guarded attempt with its children when the lease is over", async () => {
    using opened = openGuard();
    const { guard, spool, attempt } = opened;
    guard.setLease({ untilMs: now() + 60_000, marginMs: MARGIN_MS });
    guard.add(attempt);
    using child = startAttempt(spool, "/bin/sh", "-c", "sleep 60 & echo $!; wait");
    const grandchild = Number(await child.nextLine());
    guard.setLease({ untilMs: now(), marginMs: MARGIN_MS });
    await child.exited;
    await waitFor(() => identify(grandchild) === null);
    expect(guard.hasEnded(7)).toBe(true);
    guard.remove(7);
    expect(guard.hasEnded(7)).toBe(false);
  });

  test.skipIf(whyNoCgroups !== null)(
    "ends all processes in the cgroup of an attempt, wherever their sessions are",
    async () => {
      using base = cgroupBase();
      using opened = openGuard();
      const { guard, spool, attempt } = opened;
      const cgroup = new Cgroup(join(base.path, "attempt"));
      cgroup.create({ limits: {}, controllers: new Set(), wrapperPids: 1 });
      guard.setLease({ untilMs: now() + 60_000, marginMs: MARGIN_MS });
      guard.add({ ...attempt, cgroup: cgroup.folder });
      const script = `echo $$ >${cgroup.procs}; setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`;
      using child = startAttempt(spool, "/bin/sh", "-c", script);
      const escaped = Number(await child.nextLine());
      guard.setLease({ untilMs: now(), marginMs: MARGIN_MS });
      await child.exited;
      await waitFor(() => identify(escaped) === null);
      await waitFor(() => !cgroup.isPopulated);
    },
  );

  test("leaves attempts alone while the lease is renewed, and attempts that have ended", async () => {
    using opened = openGuard();
    const { guard, spool, attempt } = opened;
    guard.setLease({ untilMs: now() + 60_000, marginMs: MARGIN_MS });
    guard.add(attempt);
    using child = startAttempt(spool, "/bin/sh", "-c", "read line");
    await waitFor(() => readStatus(spool).pid !== null);
    for (let i = 0; i < 10; i++) guard.setLease({ untilMs: now() + 60_000 + i, marginMs: MARGIN_MS });
    child.write("\n");
    expect(await child.exited).toBe(0);
    guard.setLease({ untilMs: 0, marginMs: MARGIN_MS });
    guard.add({ ...attempt, id: 8, status: `${attempt.status}-unknown` });
    await waitFor(() => guard.hasEnded(8));
    expect(guard.hasEnded(7)).toBe(false);
  });

  test("prevents a guarded attempt from starting when the lease is over", async () => {
    using opened = openGuard();
    const { guard, spool, attempt } = opened;
    guard.setLease({ untilMs: 0, marginMs: MARGIN_MS });
    guard.add(attempt);
    await waitFor(() => guard.hasEnded(7));
    const shell = `(exec 3>>"$0") 2>/dev/null || exit 9; exec 3>>"$0"; ${WRAPPER}`;
    using child = startChild(["/bin/sh", "-c", shell, spool.status, "echo", "started"]);
    expect(await child.exited).toBe(9);
  });

  test("prevents the start of a wrapper that has opened its status file already", async () => {
    using opened = openGuard();
    const { guard, spool, attempt } = opened;
    const shell = `exec 3>>"$0"; echo open; read line; ${WRAPPER}`;
    using child = startChild(["/bin/sh", "-c", shell, spool.status, "echo", "started"]);
    await child.nextLine();
    guard.setLease({ untilMs: 0, marginMs: MARGIN_MS });
    guard.add(attempt);
    await waitFor(() => guard.hasEnded(7));
    child.write("\n");
    expect(await child.exited).toBe(125);
  });

  test("ends what it guards when its folder was deleted and the lease is over", async () => {
    using opened = openGuard();
    const { guard, spool, attempt, dir, pid } = opened;
    const until = now() + 1_500;
    guard.setLease({ untilMs: until, marginMs: MARGIN_MS });
    guard.add(attempt);
    using child = startAttempt(spool, "sleep", "60");
    const running = await eventually("it runs", () => readStatus(spool).pid);
    await eventually("the guard runs", () => pidOrNull(pid));
    rmSync(dir, { recursive: true });
    await waitFor(() => identify(running) === null);
    expect(now()).toBeGreaterThanOrEqual(until);
    await child.exited;
  });

  test("ends what it has not seen before its folder was emptied, whatever the lease of the next worker there is", async () => {
    using opened = openGuard();
    const { guard, spool, attempt, dir, pid, other } = opened;
    guard.setLease({ untilMs: now() + 1_500, marginMs: MARGIN_MS });
    guard.add(attempt);
    await eventually("the guard runs", () => pidOrNull(pid));
    process.kill(pid(), "SIGSTOP");
    const unseen = makeSpool(spool.dir, 8);
    using child = startAttempt(unseen, "sleep", "60");
    const running = await eventually("it runs", () => readStatus(unseen).pid);
    const stopped = pid();
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
    other().setLease({ untilMs: now() + 60_000, marginMs: MARGIN_MS });
    process.kill(stopped, "SIGCONT");
    await waitFor(() => identify(running) === null);
    await child.exited;
  });

  test("is started again if it was killed", async () => {
    using opened = openGuard();
    const { guard, attempt, pid } = opened;
    guard.setLease({ untilMs: now() + 60_000, marginMs: MARGIN_MS });
    guard.add(attempt);
    const first = await eventually("the guard runs", () => pidOrNull(pid));
    process.kill(first, "SIGKILL");
    await waitFor(() => (pidOrNull(pid) ?? first) !== first);
  });

  test("exits when nothing was guarded for a while", async () => {
    using opened = openGuard();
    const { guard, attempt, pid } = opened;
    guard.setLease({ untilMs: now() + 60_000, marginMs: 4 });
    guard.add(attempt);
    const running = await eventually("the guard runs", () => pidOrNull(pid));
    guard.remove(7);
    await waitFor(() => identify(running) === null);
  });

  test("does not trust a lease of an earlier boot", () => {
    using opened = openGuard();
    opened.guard.setLease({ untilMs: 5_000, marginMs: MARGIN_MS });
    expect(opened.guard.leaseMs).toBe(5_000);
    const lease = join(opened.spool.dir, "../lease");
    expect(existsSync(lease)).toBe(true);
    writeFileSync(lease, "99999999 1 another-boot\n");
    expect(opened.guard.leaseMs).toBe(0);
  });
});

const pidOrNull = (pid: () => number): number | null => {
  try {
    return pid() || null;
  } catch {
    return null;
  }
};
