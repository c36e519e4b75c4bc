import { expect, test } from "bun:test";
import { runToEnd, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { PETIT, readyService, SLOW_MS, startService } from "../support/vm/service.ts";

const JOBS = {
  hello: "id: hello\ntasks: [{id: t, type: shell, script: 'id -un'}]\n",
  long: "id: long\ntasks: [{id: t, type: shell, script: 'until [ -e go ]; do sleep 0.2; done; echo done'}]\n",
};

test("a service of a booted systemd runs jobs, survives a restart beside a task, and is uninstalled", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  expect(await machine.must("systemctl is-enabled petit")).toBe("enabled\n");
  const run = await runToEnd(petit, "hello");
  expect(await (await petit.fetch(`/api/runs/${run.id}/logs`)).text()).toBe("petit\n");

  const security = await machine.must("systemd-analyze security --no-pager petit | tail -n 1");
  expect(Number(/level for petit\.service: ([\d.]+)/.exec(security)?.[1])).toBeLessThanOrEqual(2);
  const long = await start(petit, "long");
  const isShown = async (): Promise<true | null> => {
    const status = await machine.must("systemctl show --property=StatusText --value petit");
    return status === "2 jobs, 1 run in progress, 0 waiting\n" ? true : null;
  };
  await eventually("systemd shows the run", isShown, SLOW_MS);

  await machine.must("systemctl restart petit");
  const restarted = await readyService(machine);
  await machine.must("touch /var/lib/petit/go");
  expect(await endOf(restarted, long, SLOW_MS)).toMatchObject({
    status: "completed",
    log: "done\n",
    tasks: [{ attempts: 1 }],
  });

  await machine.must(`${PETIT} service uninstall`);
  expect((await machine.run("systemctl is-active petit")).stdout).toBe("inactive\n");
  expect((await machine.run("systemctl cat petit")).stderr).toContain("No files found for petit.service");
  expect(await machine.must("ls /var/lib/petit")).toContain("petit.db\n");
});
