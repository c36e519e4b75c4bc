import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask, start } from "../../support/petit/api.ts";
import { installService, JOBS, onMachine, STATE } from "../../support/systemd/service.ts";
import { endOf, eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

/** A job that records each start and waits for the file `go`. */
const HELD = `id: held
tasks:
  - id: hold
    type: shell
    script: |
      echo begun | tee -a begun.txt
      until [ -e go ]; do sleep 0.05; done
      echo done
`;

/** Shorter times than those of the unit. */
const QUICK = ["RestartSec=100ms", "WatchdogSec=2"];

const HEALTH = ["curl", "--silent", "--fail", "http://127.0.0.1:8565/api/health"] as const;

/** Occupies petit's port, using petit's executable. */
const SQUATTER = `[Service]
Environment=BUN_BE_BUN=1
ExecStart=/usr/local/bin/petit -e 'Bun.serve({ hostname: "127.0.0.1", port: 8565, fetch: () => new Response("mine") })'
`;

/** Prints a measurement. */
const print = (text: string): void => console.log(`under systemd: ${text}`);

await onMachine("under a real systemd, petit", (machine) => {
  const startHeld = async (): Promise<string> => {
    const runId = await start(machine, "held");
    await eventually("the task has begun", () => (machine.has(`${STATE}/begun.txt`) ? true : null));
    return runId;
  };

  /** Lets the task end. The run must complete with its only process. */
  const endHeld = async (runId: string): Promise<void> => {
    machine.write(`${STATE}/go`, "");
    const { status, log, tasks } = await endOf(machine, runId);
    const attempts = tasks.map((task) => task.attempts);
    expect({ status, log, attempts }).toEqual({ status: "completed", log: "begun\ndone\n", attempts: [1] });
    expect(machine.read(`${STATE}/begun.txt`)).toBe("begun\n");
    expect((await ask(machine, "/api/runs")).body.count).toBe(1);
  };

  /** Returns the journal of the unit. */
  const journal = async (): Promise<string> =>
    (await machine.journal("UNIT=petit.service")).map(({ text }) => text).join("\n");

  describe("starts", () => {
    test("and is ready when it answers requests", async () => {
      await using service = await installService(machine);
      for (let round = 0; round < 3; round++) {
        await machine.must("systemctl", "restart", "petit");
        expect(await machine.must(...HEALTH)).toContain('"status":"ok"');
      }
      const begun = Number(await service.show("ExecMainStartTimestampMonotonic"));
      const ready = Number(await service.show("ActiveEnterTimestampMonotonic"));
      print(`ready ${Math.round((ready - begun) / 1_000)} ms after its start`);
    });

    test("again and again until its port is free", async () => {
      machine.write("/etc/systemd/system/squatter.service", SQUATTER);
      await machine.must("systemctl", "daemon-reload");
      await machine.must("systemctl", "start", "squatter");
      await eventually("the port is taken", async () => ((await machine.run(HEALTH)).status === 0 ? true : null));
      await using service = await installService(machine, { args: ["--no-start"], dropIn: QUICK });
      expect((await machine.run(["systemctl", "start", "petit"])).status).not.toBe(0);
      await eventually("it tries again", async () => (Number(await service.show("NRestarts")) > 1 ? true : null));
      expect(await service.show("ActiveEnterTimestampMonotonic")).toBe("0");
      await machine.must("systemctl", "stop", "squatter");
      await service.back(0);
      expect(await machine.must(...HEALTH)).toContain('"status":"ok"');
    });

    test("only once if its configuration is wrong", async () => {
      await using service = await installService(machine, { args: ["--no-start"], dropIn: QUICK });
      machine.write("/etc/petit/config.yaml", "max_jobs: many\n");
      expect((await machine.run(["systemctl", "start", "petit"])).status).not.toBe(0);
      const result = { result: await service.show("Result"), status: await service.show("ExecMainStatus") };
      expect(result).toEqual({ result: "exit-code", status: "2" });
      expect(await service.show("ActiveState")).toBe("failed");
      expect(await service.show("NRestarts")).toBe("0");
    });
  });

  test("reports its jobs and runs as its status", async () => {
    await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
    expect(service.output).toContain("started petit: 1 job, 0 runs in progress, 0 waiting");
    const status = (text: string) =>
      eventually(`the status '${text}'`, async () => ((await service.show("StatusText")) === text ? true : null));
    const runId = await startHeld();
    await status("1 job, 1 run in progress, 0 waiting");
    expect(await machine.must("systemctl", "status", "petit")).toContain(
      'Status: "1 job, 1 run in progress, 0 waiting"',
    );
    await machine.must("petit", "pause");
    await status("1 job, 1 run in progress, 0 waiting, paused");
    await endHeld(runId);
    await status("1 job, 0 runs in progress, 0 waiting, paused");
  });

  test("reads its job files on a reload, and reports the end of it", async () => {
    await using service = await installService(machine, { jobs: { "held.yaml": HELD }, args: ["--no-watch"] });
    const runId = await startHeld();
    const pid = await service.pid();
    machine.write(`${JOBS}/other.yaml`, HELD.replace("id: held", "id: other"));
    await machine.must("systemctl", "log-level", "debug");
    await machine.must("systemctl", "reload", "petit");
    await eventually("the other job is known", async () =>
      (await ask(machine, "/api/jobs")).body.count === 2 ? true : null,
    );
    const told = await eventually("it has told systemd", async () =>
      /notification message from PID \d+ \(RELOADING=1, MONOTONIC_USEC=(\d+)\)[\s\S]*?notification message from PID \d+ \(READY=1, STATUS=2 jobs, 1 run in progress, 0 waiting\)/.exec(
        await journal(),
      ),
    );
    await machine.must("systemctl", "log-level", "info");
    const uptimeSeconds = Number(machine.read("/proc/uptime").split(" ")[0]);
    expect(Math.abs(uptimeSeconds - Number(told[1]) / 1e6)).toBeLessThan(30);
    expect(await service.show("ActiveState")).toBe("active");
    expect(await service.pid()).toBe(pid);
    await endHeld(runId);
  });

  describe("that hangs", () => {
    test("is killed and restarted by the watchdog, and its run continues", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD }, dropIn: QUICK });
      const runId = await startHeld();
      const pid = await service.pid();
      const stoppedAt = performance.now();
      await machine.must("sh", "-c", `kill -STOP ${pid}`);
      await service.back(pid);
      print(`back ${Math.round(performance.now() - stoppedAt)} ms after it was stopped, with WatchdogSec=2`);
      expect(await journal()).toContain("Watchdog timeout (limit 2s)!");
      expect(await service.show("NRestarts")).toBe("1");
      await endHeld(runId);
    });

    test("is not a busy petit: its event loop notifies the watchdog", async () => {
      await using service = await installService(machine, { dropIn: QUICK });
      const at = async (event: string) => Number(await service.show(`${event}TimestampMonotonic`)) / 1e6;
      const [pid, ready] = [await service.pid(), await at("ActiveEnter")];
      await eventually("longer than its watchdog", async () => ((await at("Watchdog")) > ready + 2 ? true : null));
      expect({ pid: await service.pid(), restarts: await service.show("NRestarts") }).toEqual({ pid, restarts: "0" });
    });
  });

  test("that was killed is restarted, and its run continues", async () => {
    await using service = await installService(machine, { jobs: { "held.yaml": HELD }, dropIn: QUICK });
    const runId = await startHeld();
    const pid = await service.pid();
    const killedAt = performance.now();
    await machine.must("sh", "-c", `kill -KILL ${pid}`);
    await service.back(pid);
    print(`back ${Math.round(performance.now() - killedAt)} ms after kill -9, with RestartSec=100ms`);
    expect(service.processes().length).toBeGreaterThan(2);
    await endHeld(runId);
  });

  describe("that is stopped during a run", () => {
    test("leaves the run running, over a restart, and from a stop to the next start", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
      const runId = await startHeld();
      const [pid, tasks] = [await service.pid(), service.processes().length - 1];
      const restartedAt = performance.now();
      await machine.must("systemctl", "restart", "petit");
      print(`restarted within ${Math.round(performance.now() - restartedAt)} ms during a run`);
      expect(await service.pid()).not.toBe(pid);
      const stoppedAt = performance.now();
      await machine.must("systemctl", "stop", "petit");
      print(`stopped within ${Math.round(performance.now() - stoppedAt)} ms during a run`);
      expect(await service.show("Result")).toBe("success");
      expect(await service.show("ActiveState")).toBe("inactive");
      // The task's `sleep` processes come and go.
      expect(service.processes().length).toBeGreaterThanOrEqual(tasks - 1);
      await machine.must("systemctl", "start", "petit");
      await endHeld(runId);
    });

    test("reads the end of a task that the shutdown of the machine ended", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
      const runId = await startHeld();
      await machine.must("systemctl", "stop", "petit");
      // systemd does this at the end of a shutdown, after all services have stopped.
      for (const pid of service.processes()) process.kill(pid, "SIGTERM");
      await eventually("they have ended", () => (service.processes().length === 0 ? true : null));
      await machine.must("systemctl", "start", "petit");
      const { status, error } = await endOf(machine, runId);
      expect({ status, error }).toEqual({ status: "failed", error: expect.stringContaining("SIGTERM") });
    });

    test("waits for the run with --on-shutdown drain, longer than systemd's default", async () => {
      await using service = await installService(machine, {
        jobs: { "held.yaml": HELD },
        args: ["--on-shutdown=drain", "--shutdown-timeout=45s"],
        dropIn: ["TimeoutStopSec=1"],
      });
      const runId = await startHeld();
      const stop = machine.must("systemctl", "stop", "petit");
      await eventually("it is stopping", async () =>
        (await service.show("StatusText")).endsWith("stopping") ? true : null,
      );
      expect(await service.show("ActiveState")).toBe("deactivating");
      await Bun.sleep(1_500);
      machine.write(`${STATE}/go`, "");
      await stop;
      expect(await service.show("Result")).toBe("success");
      expect(service.processes()).toEqual([]);
      await machine.must("systemctl", "start", "petit");
      await endHeld(runId);
    });

    test("with --on-shutdown drain ends tasks at the deadline, within systemd's timeout", async () => {
      const args = ["--on-shutdown=drain", "--shutdown-timeout=200ms"];
      await using service = await installService(machine, { jobs: { "held.yaml": HELD }, args });
      // 200 ms, the grace period of 10 s, and 20 s for the rest.
      expect(await service.show("TimeoutStopUSec")).toBe("31s");
      const runId = await startHeld();
      await machine.must("systemctl", "stop", "petit");
      expect(await service.show("Result")).toBe("success");
      expect(service.processes()).toEqual([]);
      await machine.must("systemctl", "start", "petit");
      expect(await endOf(machine, runId)).toMatchObject({ status: "interrupted", reason: "shutdown" });
    });
  });
});
