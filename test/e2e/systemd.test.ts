import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask, start } from "../support/petit-api.ts";
import { installService, JOBS, onMachine, STATE } from "../support/systemd-service.ts";
import { endOf, eventually } from "../support/torture-run.ts";

// What it takes on a busy machine.
setDefaultTimeout(60_000);

/** Runs until it is let go, and notes each time that it begins. */
const HELD = `id: held
tasks:
  - id: hold
    type: shell
    script: |
      echo begun | tee -a begun.txt
      until [ -e go ]; do sleep 0.05; done
      echo done
`;

/** With less patience than the unit has. */
const QUICK = ["RestartSec=100ms", "WatchdogSec=2"];

const HEALTH = ["curl", "--silent", "--fail", "http://127.0.0.1:8565/api/health"] as const;

/** Takes petit's port, with petit's own executable. */
const SQUATTER = `[Service]
Environment=BUN_BE_BUN=1
ExecStart=/usr/local/bin/petit -e 'Bun.serve({ hostname: "127.0.0.1", port: 8565, fetch: () => new Response("mine") })'
`;

/** For who reads the tests' output. */
const tell = (text: string): void => console.log(`under systemd: ${text}`);

await onMachine("under a real systemd, petit", (machine) => {
  const startHeld = async (): Promise<string> => {
    const runId = await start(machine, "held");
    await eventually("the task has begun", () => (machine.has(`${STATE}/begun.txt`) ? true : null));
    return runId;
  };

  /** Lets the task go; the run must have ended well, with the one process that it had. */
  const endHeld = async (runId: string): Promise<void> => {
    machine.write(`${STATE}/go`, "");
    const { status, log, tasks } = await endOf(machine, runId);
    const attempts = tasks.map((task) => task.attempts);
    expect({ status, log, attempts }).toEqual({ status: "completed", log: "begun\ndone\n", attempts: [1] });
    expect(machine.read(`${STATE}/begun.txt`)).toBe("begun\n");
    expect((await ask(machine, "/api/runs")).body.count).toBe(1);
  };

  /** What systemd notes of the unit, since the machine is up. */
  const notes = async (): Promise<string> =>
    (await machine.journal("UNIT=petit.service")).map(({ text }) => text).join("\n");

  describe("starts", () => {
    test("and is ready when it answers", async () => {
      await using service = await installService(machine);
      for (let round = 0; round < 3; round++) {
        await machine.must("systemctl", "restart", "petit");
        expect(await machine.must(...HEALTH)).toContain('"status":"ok"');
      }
      const begun = Number(await service.show("ExecMainStartTimestampMonotonic"));
      const ready = Number(await service.show("ActiveEnterTimestampMonotonic"));
      tell(`ready ${Math.round((ready - begun) / 1_000)} ms after its start`);
    });

    test("not before its port is bound, again and again until that is free", async () => {
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

    test("once only where its configuration is wrong", async () => {
      await using service = await installService(machine, { args: ["--no-start"], dropIn: QUICK });
      machine.write("/etc/petit/config.yaml", "max_jobs: many\n");
      expect((await machine.run(["systemctl", "start", "petit"])).status).not.toBe(0);
      const said = { result: await service.show("Result"), status: await service.show("ExecMainStatus") };
      expect(said).toEqual({ result: "exit-code", status: "2" });
      expect(await service.show("ActiveState")).toBe("failed");
      expect(await service.show("NRestarts")).toBe("0");
    });
  });

  test("says what it does: its jobs and runs", async () => {
    await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
    expect(service.said).toContain("started petit: 1 job, 0 runs in progress, 0 waiting");
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

  test("reads its job files again on a reload, and says when", async () => {
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
        await notes(),
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
    test("is killed, and started anew within its watchdog's time; its run goes on", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD }, dropIn: QUICK });
      const runId = await startHeld();
      const pid = await service.pid();
      const stoppedAt = performance.now();
      await machine.must("sh", "-c", `kill -STOP ${pid}`);
      await service.back(pid);
      tell(`back ${Math.round(performance.now() - stoppedAt)} ms after it was stopped, with WatchdogSec=2`);
      expect(await notes()).toContain("Watchdog timeout (limit 2s)!");
      expect(await service.show("NRestarts")).toBe("1");
      await endHeld(runId);
    });

    test("is not one that works: its event loop says that it is alive", async () => {
      await using service = await installService(machine, { dropIn: QUICK });
      const at = async (event: string) => Number(await service.show(`${event}TimestampMonotonic`)) / 1e6;
      const [pid, ready] = [await service.pid(), await at("ActiveEnter")];
      await eventually("longer than its watchdog", async () => ((await at("Watchdog")) > ready + 2 ? true : null));
      expect({ pid: await service.pid(), restarts: await service.show("NRestarts") }).toEqual({ pid, restarts: "0" });
    });
  });

  test("that was killed is started anew; its run goes on", async () => {
    await using service = await installService(machine, { jobs: { "held.yaml": HELD }, dropIn: QUICK });
    const runId = await startHeld();
    const pid = await service.pid();
    const killedAt = performance.now();
    await machine.must("sh", "-c", `kill -KILL ${pid}`);
    await service.back(pid);
    tell(`back ${Math.round(performance.now() - killedAt)} ms after kill -9, with RestartSec=100ms`);
    expect(service.processes().length).toBeGreaterThan(2);
    await endHeld(runId);
  });

  describe("that is stopped during a run", () => {
    test("leaves it alone: over a restart, and from a stop to the next start", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
      const runId = await startHeld();
      const [pid, tasks] = [await service.pid(), service.processes().length - 1];
      const restartedAt = performance.now();
      await machine.must("systemctl", "restart", "petit");
      tell(`restarted within ${Math.round(performance.now() - restartedAt)} ms during a run`);
      expect(await service.pid()).not.toBe(pid);
      const stoppedAt = performance.now();
      await machine.must("systemctl", "stop", "petit");
      tell(`stopped within ${Math.round(performance.now() - stoppedAt)} ms during a run`);
      expect(await service.show("Result")).toBe("success");
      expect(await service.show("ActiveState")).toBe("inactive");
      // The sleep between two looks of the task comes and goes.
      expect(service.processes().length).toBeGreaterThanOrEqual(tasks - 1);
      await machine.must("systemctl", "start", "petit");
      await endHeld(runId);
    });

    test("finds how it ended where the machine went off meanwhile, which ends what runs", async () => {
      await using service = await installService(machine, { jobs: { "held.yaml": HELD } });
      const runId = await startHeld();
      await machine.must("systemctl", "stop", "petit");
      // What systemd does at last, when all services are stopped.
      for (const pid of service.processes()) process.kill(pid, "SIGTERM");
      await eventually("they have ended", () => (service.processes().length === 0 ? true : null));
      await machine.must("systemctl", "start", "petit");
      const { status, error } = await endOf(machine, runId);
      expect({ status, error }).toEqual({ status: "failed", error: expect.stringContaining("SIGTERM") });
    });

    test("waits for it with --on-shutdown drain, longer than systemd would by itself", async () => {
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

    test("with --on-shutdown drain ends what is not done in time, within what systemd waits", async () => {
      const args = ["--on-shutdown=drain", "--shutdown-timeout=200ms"];
      await using service = await installService(machine, { jobs: { "held.yaml": HELD }, args });
      // 200 ms, the 10 s that a task may take to end, and 20 s for the rest.
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
