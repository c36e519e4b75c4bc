import { describe, expect, test } from "bun:test";
import { ask, post, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { PETIT, readyService, type Service, SLOW_MS, startService } from "../support/vm/service.ts";
import type { VirtualMachine } from "../support/vm/vm.ts";

/** Where the unit of petit has the cgroups of attempts. */
const TASKS = "/sys/fs/cgroup/system.slice/system-petit.slice/petit-tasks";

const script = (id: string, text: string, fields = "", ofTask = ""): string =>
  `id: ${id}\n${fields}\ntasks:\n  - id: t\n    type: shell\n    ${ofTask}\n    script: |\n${text.trim().replaceAll(/^/gm, "      ")}\n`;

/** Doubles a text in the memory of the shell. */
const LEAK = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";
const deaf = (file: string): string =>
  `setsid setsid sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' > /dev/null 2>&1 &
while [ ! -s ${file} ]; do sleep 0.1; done`;

const JOBS = {
  leak: script("leak", LEAK, "limits: {memory: 64MiB}", "retry: {max_attempts: 3, condition: transient_only}"),
  child_leak: script("child_leak", `(${LEAK}) || exit 7`, "limits: {memory: 64MiB}"),
  tolerant: script("tolerant", `(${LEAK}) || true`, "limits: {memory: 64MiB}"),
  tolerant_elsewhere: script("tolerant_elsewhere", "cat /proc/self/cgroup", "limits: {memory: 64MiB}"),
  neighbours: `id: neighbours
tasks:
${Array.from({ length: 20 }, (_, index) => `  - {id: n${index}, type: shell, script: 'until [ -e /tmp/enough ]; do sleep 0.5; done; echo on', limits: {memory: 32MiB}}`).join("\n")}
`,
  bomb: script("bomb", "bomb() { bomb | bomb & }; bomb; sleep 600", "limits: {pids: 50}\nkill_grace: 1s"),
  relayed: script(
    "relayed",
    "echo x > /dev/stderr; bomb() { bomb | bomb & }; bomb; sleep 2; exit 3",
    "limits: {pids: 20}\nleftovers: kill\nkill_grace: 1s",
  ),
  fits: script("fits", "for i in $(seq 49); do sleep 5 & done; wait", "limits: {pids: 50}"),
  busy: script("busy", "timeout 5 sh -c 'while :; do :; done'; echo over", "limits: {cpus: 0.5}"),
  deaf: script("deaf", `${deaf("/tmp/deaf")}\nsleep 600`, "limits: {pids: 50}\nkill_grace: 1s"),
  keeps: script("keeps", deaf("/tmp/keeps"), "limits: {pids: 50}"),
  kills: script("kills", deaf("/tmp/kills"), "leftovers: kill\nkill_grace: 1s"),
  slow_leak: script("slow_leak", `until [ -e /tmp/go ]; do sleep 0.2; done; ${LEAK}`, "limits: {memory: 64MiB}"),
};

/** Returns a run that has ended, its first task, and the last attempt of that. */
const resultOf = async (petit: Service, runId: string) => {
  const run = await endOf(petit, runId, SLOW_MS);
  const { body } = await ask(petit, `/api/runs/${runId}/tasks`);
  const [task] = body.tasks;
  return { run, task, attempt: task.attempt_list.at(-1) };
};

const ended = async (petit: Service, jobId: string) => await resultOf(petit, await start(petit, jobId));

const namesOf = async (machine: VirtualMachine): Promise<readonly string[]> =>
  (await machine.must(`ls -d ${TASKS}/petit-* 2> /dev/null || :`)).split("\n").filter(Boolean);

/** Reads a file of the only cgroup of an attempt. */
const read = async (machine: VirtualMachine, file: string): Promise<string> =>
  (await machine.must(`cat ${TASKS}/petit-*/${file}`)).trim();

const appears = (machine: VirtualMachine, file: string): Promise<unknown> =>
  eventually(
    `${file} exists`,
    async () => ((await machine.run(`test -s ${file}`)).status === 0 ? true : null),
    SLOW_MS,
  );

const isGone = async (machine: VirtualMachine, pidFile: string): Promise<boolean> =>
  (await machine.run(`kill -0 $(cat ${pidFile})`)).status !== 0;

const open = async (): Promise<{ readonly machine: VirtualMachine; readonly petit: Service }> => {
  const opened = await startService({ jobs: JOBS, dropIn: "[Service]\nEnvironment=PETIT_MAX_TASKS=40\n" });
  await opened.machine.must("rm -f /tmp/enough /tmp/go /tmp/deaf /tmp/keeps /tmp/kills");
  return opened;
};

describe("limits", () => {
  test("a leak ends at its limit, while its neighbours and petit go on", async () => {
    const { machine, petit } = await open();
    const pid = await machine.must("systemctl show --property=MainPID --value petit");
    const neighbours = await start(petit, "neighbours");
    await eventually("all run", async () => ((await namesOf(machine)).length === 20 ? true : null), SLOW_MS);
    const { run, task, attempt } = await ended(petit, "leak");
    expect(run).toMatchObject({ status: "failed", reason: "out_of_memory" });
    expect(task).toMatchObject({ attempts: 1, error: "ran out of memory: it used 64 MiB of 64 MiB" });
    expect(attempt).toMatchObject({
      reason: "out_of_memory",
      limits_enforced: true,
      memory_limit_bytes: 64 * 2 ** 20,
      usage: { source: "cgroup", memory_peak_bytes: 64 * 2 ** 20 },
    });
    const child = await ended(petit, "child_leak");
    expect(child.attempt).toMatchObject({ reason: "out_of_memory", exit_code: 7 });
    expect((await ended(petit, "tolerant")).run).toMatchObject({ status: "completed" });
    await machine.must("touch /tmp/enough");
    const { status, tasks } = await endOf(petit, neighbours, SLOW_MS);
    expect([status, tasks.length]).toEqual(["completed", 20]);
    expect(await machine.must("systemctl show --property=MainPID --value petit")).toBe(pid);
    expect(await namesOf(machine)).toEqual([]);
  });

  test("a fork bomb has no more processes than it may, and a program may have as many", async () => {
    const { machine, petit } = await open();
    const id = await start(petit, "bomb");
    await eventually(
      "it reaches its limit",
      async () => {
        const { stdout } = await machine.run(`cat ${TASKS}/petit-*/pids.events`);
        return /^max [1-9]/m.test(stdout) ? true : null;
      },
      SLOW_MS,
    );
    expect(await read(machine, "pids.max")).toBe("51");
    expect(Number(await read(machine, "pids.current"))).toBeLessThanOrEqual(51);
    await post(petit, `/api/runs/${id}/cancel`);
    expect(await endOf(petit, id, SLOW_MS)).toMatchObject({ status: "cancelled" });
    expect(await namesOf(machine)).toEqual([]);
    const { run } = await ended(petit, "fits");
    expect([run.status, run.log]).toEqual(["completed", ""]);
    // What the bomb leaves takes all processes that the shell around it could have.
    expect((await ended(petit, "relayed")).attempt).toMatchObject({ reason: "exit_code", exit_code: 3 });
    expect(await namesOf(machine)).toEqual([]);
  });

  test("half a processor is half of the time", async () => {
    const { petit } = await open();
    const { attempt } = await ended(petit, "busy");
    const { cpu_user_ms, cpu_system_ms } = attempt.usage;
    expect((cpu_user_ms + cpu_system_ms) / 5_000).toBeWithin(0.45, 0.55);
  });

  test("a cancel ends what has left its session twice and ignores SIGTERM", async () => {
    const { machine, petit } = await open();
    const id = await start(petit, "deaf");
    await appears(machine, "/tmp/deaf");
    await post(petit, `/api/runs/${id}/cancel`);
    await endOf(petit, id, SLOW_MS);
    expect(await isGone(machine, "/tmp/deaf")).toBe(true);
    expect(await namesOf(machine)).toEqual([]);
  });

  test("what a normal end leaves lives on, unless the job says otherwise", async () => {
    const { machine, petit } = await open();
    expect((await ended(petit, "kills")).run).toMatchObject({ status: "completed" });
    expect(await isGone(machine, "/tmp/kills")).toBe(true);
    expect((await ended(petit, "keeps")).run).toMatchObject({ status: "completed" });
    expect(await isGone(machine, "/tmp/keeps")).toBe(false);
    expect(await namesOf(machine)).toHaveLength(1);
    await machine.must("systemctl restart petit");
    await readyService(machine);
    expect(await isGone(machine, "/tmp/keeps")).toBe(false);
    await machine.must("kill -KILL $(cat /tmp/keeps)");
    await eventually(
      "its cgroup is removed",
      async () => ((await namesOf(machine)).length === 0 ? true : null),
      SLOW_MS,
    );
  });

  test("after kill -9 of petit a limit still holds, and the usage is complete", async () => {
    const { machine, petit } = await open();
    const id = await start(petit, "slow_leak");
    await eventually("it runs", async () => ((await namesOf(machine)).length === 1 ? true : null), SLOW_MS);
    await machine.must(
      `systemctl kill --kill-whom=main --signal=KILL petit; echo max > $(echo ${TASKS}/petit-*)/memory.max`,
    );
    const again = await readyService(machine);
    expect(await read(machine, "memory.max")).toBe(String(64 * 2 ** 20));
    await machine.must("touch /tmp/go");
    expect((await resultOf(again, id)).attempt).toMatchObject({
      reason: "out_of_memory",
      limits_enforced: true,
      usage: { source: "cgroup", memory_peak_bytes: 64 * 2 ** 20 },
    });
    expect(await namesOf(machine)).toEqual([]);
  });

  test("a petit in a delegated scope moves aside, and one elsewhere takes no cgroup", async () => {
    const { machine } = await open();
    const trigger = `${PETIT} trigger /etc/petit/jobs leak 2>&1`;
    const { stdout, status } = await machine.run(`systemd-run --quiet --scope -p Delegate=yes ${trigger}`);
    expect(stdout).toContain("ran out of memory: it used 64 MiB of 64 MiB");
    expect(status).toBe(1);
    const aside = "systemd-run --quiet --scope";
    const fits = await machine.run(`${aside} ${PETIT} trigger /etc/petit/jobs tolerant_elsewhere 2>&1`);
    expect(fits.stdout).toMatch(/0::\/system\.slice\/run-\w+\.scope\n/);
    expect(fits.status).toBe(0);
  });
});
