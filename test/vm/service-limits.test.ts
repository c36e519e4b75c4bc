import { expect, test } from "bun:test";
import { ask, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { PETIT, readyService, type Service, SLOW_MS, startService } from "../support/vm/service.ts";
import type { VirtualMachine } from "../support/vm/vm.ts";

const WAITING = "until [ -e go ]; do sleep 0.2; done";
const JOBS = {
  leak: `id: leak\nlimits: {memory: 64MiB, cpus: 0.9, pids: 20}\ntasks: [{id: t, type: shell, script: '${WAITING}; tail /dev/zero'}]\n`,
  free: `id: free\ntasks: [{id: t, type: shell, script: '${WAITING}; echo done'}]\n`,
};
const LIMIT_BYTES = 64 * 1024 * 1024;
const SLICE = "/sys/fs/cgroup/system.slice/system-petit.slice";
const INSTALL = `${PETIT} service install --api-host 0.0.0.0 --token`;

/** Returns the limits of the only attempt with limits. */
const limitsOf = async (machine: VirtualMachine): Promise<string> =>
  await machine.must(`cd ${SLICE}/petit-tasks/petit-* && cat memory.max memory.swap.max cpu.max pids.max`);

const LIMITS = `${LIMIT_BYTES}\n0\n90000 100000\n`;

const isRunning = async (machine: VirtualMachine): Promise<void> => {
  const script = `cat ${SLICE}/petit-tasks/petit-*/cgroup.procs | wc -l`;
  const hasProcesses = async () => (Number((await machine.run(script)).stdout) >= 2 ? true : null);
  await eventually("the task runs in its cgroup", hasProcesses, SLOW_MS);
};

const attemptsOf = async (petit: Service, runId: string) => {
  const { body } = await ask(petit, `/api/runs/${runId}/tasks`);
  return body.tasks[0].attempt_list;
};

/** Waits until the task has leaked. */
const leakEnds = async (petit: Service, run: string): Promise<void> => {
  const ended = await endOf(petit, run, SLOW_MS);
  expect(ended).toMatchObject({ status: "failed", tasks: [{ attempts: 1, reason: "out_of_memory" }] });
  const [attempt, ...others] = await attemptsOf(petit, run);
  expect(others).toEqual([]);
  expect(attempt).toMatchObject({
    reason: "out_of_memory",
    limits_enforced: true,
    memory_limit_bytes: LIMIT_BYTES,
    usage: { source: "cgroup" },
  });
  expect(attempt.usage.memory_peak_bytes).toBeGreaterThan(0.9 * LIMIT_BYTES);
  expect(attempt.usage.memory_peak_bytes).toBeLessThanOrEqual(LIMIT_BYTES);
};

test("a limit of a task holds while its service is restarted, killed, stopped and started", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const run = await start(petit, "leak");
  await isRunning(machine);
  for (const script of [
    "systemctl restart petit",
    "kill -9 $(systemctl show --property=MainPID --value petit)",
    "systemctl stop petit; systemctl daemon-reload; systemctl start petit",
    "systemctl daemon-reexec; systemctl restart petit",
    "systemctl stop petit; systemctl stop system-petit.slice; systemctl start petit",
  ]) {
    await machine.must(`${script}; sleep 1.5`);
    await readyService(machine);
    expect({ script, limits: await limitsOf(machine) }).toMatchObject({ limits: expect.stringContaining(LIMITS) });
  }
  await machine.must("touch /var/lib/petit/go");
  await leakEnds(petit, run);
  expect(await machine.must(`ls -d ${SLICE}/petit-tasks/*/ 2>&1 || :`)).toContain("No such file");

  const security = await machine.must("systemd-analyze security --no-pager petit | tail -n 1");
  expect(Number(/level for petit\.service: ([\d.]+)/.exec(security)?.[1])).toBeLessThanOrEqual(2);
});

test("a unit without cgroups of its own is replaced beside its running tasks", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const unit = "/etc/systemd/system/petit.service";
  await machine.must(`
    sed -i '/^Slice=/d; /^Delegate=/d; /^Environment=PETIT_CGROUP/d; /^ExecStartPre=/d; /^ReadWritePaths=-.sys/d' ${unit}
    systemctl stop petit; systemctl stop system-petit.slice; systemctl daemon-reload; systemctl start petit`);
  await readyService(machine);
  const [free, unlimited] = [await start(petit, "free"), await start(petit, "leak")];
  const group = "/sys/fs/cgroup/system.slice/petit.service/cgroup.procs";
  const both = async () => (Number(await machine.must(`wc -l < ${group}`)) >= 5 ? true : null);
  await eventually("both tasks run in the cgroup of the service", both, SLOW_MS);

  await machine.must(`${INSTALL} --force`);
  await readyService(machine);
  expect(await machine.must("systemctl show --property=ControlGroup --value petit")).toBe(
    "/system.slice/system-petit.slice/petit.service\n",
  );
  const leak = await start(petit, "leak");
  await isRunning(machine);
  expect(await limitsOf(machine)).toStartWith(LIMITS);
  await machine.must("systemctl restart petit");
  await readyService(machine);
  await petit.fetch(`/api/runs/${unlimited}/cancel`, { method: "POST" });
  expect(await endOf(petit, unlimited, SLOW_MS)).toMatchObject({ status: "cancelled", tasks: [{ attempts: 1 }] });
  expect(await attemptsOf(petit, unlimited)).toMatchObject([{ limits_enforced: false, memory_limit_bytes: null }]);
  await machine.must("touch /var/lib/petit/go");
  await leakEnds(petit, leak);
  expect(await endOf(petit, free, SLOW_MS)).toMatchObject({
    status: "completed",
    log: "done\n",
    tasks: [{ attempts: 1 }],
  });

  await machine.must(`${PETIT} service uninstall`);
  expect((await machine.run(`ls -d ${SLICE}`)).status).not.toBe(0);
});
