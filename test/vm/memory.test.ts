import { expect, test } from "bun:test";
import { ask, runToEnd, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { SLOW_MS, startService } from "../support/vm/service.ts";

const JOBS = {
  quick: "id: quick\ntasks: [{id: t, type: command, command: echo, args: [hi]}]\n",
  // dd reads a block into memory and then waits, because nobody reads from the pipe. One of them needs less than petit.
  eater: `id: eater
tasks:
  - {id: t, type: shell, script: 'dd if=/dev/zero bs=40M count=1 2> /dev/null | (until [ -e /run/lock/enough ]; do sleep 0.5; done)'}
`,
  greedy: "id: greedy\ntasks: [{id: t, type: shell, script: 'exec dd if=/dev/zero of=/dev/null bs=640M count=1'}]\n",
};

/** Uses most of the memory without a process that could be killed for it. */
const BALLAST = `
  free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
  mount -o remount,size=90% /dev/shm
  dd if=/dev/zero of=/dev/shm/ballast bs=1M count=$((free - 250)) status=none`;

/** They need more than what the ballast leaves. */
const EATERS = 10;

test("when the machine has no memory left, tasks are killed before petit", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const pid = await machine.must("systemctl show --property=MainPID --value petit");
  const greedy = await endOf(petit, await start(petit, "greedy"), SLOW_MS);
  expect(greedy).toMatchObject({ status: "failed", error: expect.stringContaining("SIGKILL") });

  await machine.must(BALLAST);
  const kills = async (): Promise<number> =>
    Number(await machine.must("awk '$1 == \"oom_kill\" { print $2 }' /proc/vmstat"));
  const before = await kills();
  // All at once, because a machine that is slowly running out of memory reads its programs from the disk again and again.
  const eaters = await Promise.all(Array.from({ length: EATERS }, () => start(petit, "eater")));
  await eventually("the kernel kills one", async () => ((await kills()) > before ? true : null), SLOW_MS);
  await machine.must("touch /run/lock/enough; rm /dev/shm/ballast");
  for (const id of eaters) await endOf(petit, id, SLOW_MS);
  expect(await machine.must("systemctl show --property=MainPID --value petit")).toBe(pid);
  expect((await ask(petit, "/api/health")).body).toMatchObject({ status: "ok" });
  expect(await runToEnd(petit, "quick")).toMatchObject({ status: "completed" });
});
