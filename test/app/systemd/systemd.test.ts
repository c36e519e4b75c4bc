import { describe, expect, test } from "bun:test";
import { engineStatus, statusLine } from "../../../src/app/systemd/status-line.ts";
import { Systemd } from "../../../src/app/systemd/systemd.ts";
import type { Event } from "../../../src/domain/event.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { recordingLog } from "../../support/recording-log.ts";

const SOCKET = { NOTIFY_SOCKET: "/run/notify" };

const EVENT: Event = {
  seq: 1,
  at: 0,
  type: "scheduler.paused",
  jobId: null,
  runId: null,
  taskId: null,
  status: null,
  reason: null,
};

type Engine = Parameters<typeof engineStatus>[0];

/** A systemd that listens, as far as `takes` lets it, and a petit with one job. */
const listen = (environment: Readonly<Record<string, string>>, takes: () => boolean | null = () => true) => {
  const [clock, log, heard] = [new FakeClock(), recordingLog(), [] as string[]];
  const counts = { running: 0, pending: 0, executing: 0, waiting: {} };
  const listeners = new Set<() => void>();
  const engine: Engine = {
    activity: () => ({ ...counts }),
    state: "running",
    listJobs: () => Array(1),
    onEvent: (listener) => {
      const call = () => listener(EVENT);
      listeners.add(call);
      return () => listeners.delete(call);
    },
  };
  const runtime = {
    sendDatagram: (name: string, text: string) => {
      heard.push(`${name}: ${text.replaceAll("\n", " ")}`);
      return takes();
    },
    monotonicMicros: () => 123_456n,
  };
  const systemd = new Systemd({ runtime, clock, log, environment });
  const happens = (running: number): void => {
    counts.running = running;
    counts.executing = running;
    for (const call of listeners) call();
  };
  return { systemd, clock, log, heard, engine: engineStatus(engine), happens };
};

describe("notifications to systemd", () => {
  test("report readiness with the status", () => {
    const { systemd, heard, engine } = listen(SOCKET);
    using _ = systemd;
    systemd.ready(engine);
    expect(heard).toEqual(["/run/notify: READY=1 STATUS=1 job, 0 runs in progress, 0 waiting"]);
  });

  test("report the status at most once a second, and always the latest", async () => {
    const { systemd, clock, heard, engine, happens } = listen(SOCKET);
    using _ = systemd;
    systemd.ready(engine);
    for (const running of [1, 2, 3]) happens(running);
    await clock.pass(5_000);
    expect(heard.slice(1)).toEqual(["/run/notify: STATUS=1 job, 3 runs in progress, 0 waiting"]);
    happens(0);
    await clock.pass(1_000);
    expect(heard.at(-1)).toBe("/run/notify: STATUS=1 job, 0 runs in progress, 0 waiting");
  });

  test("report the start and the end of a reload", async () => {
    const { systemd, heard, engine } = listen(SOCKET);
    using _ = systemd;
    systemd.ready(engine);
    await systemd.reloading(async () => void heard.push("it reloads"));
    expect(heard.slice(1)).toEqual([
      "/run/notify: RELOADING=1 MONOTONIC_USEC=123456",
      "it reloads",
      "/run/notify: READY=1 STATUS=1 job, 0 runs in progress, 0 waiting",
    ]);
  });

  test("report the stop and extend its timeout", async () => {
    const { systemd, clock, heard, engine } = listen(SOCKET);
    systemd.ready(engine);
    systemd.stopping();
    const first = ["/run/notify: STOPPING=1 STATUS=1 job, 0 runs in progress, 0 waiting"];
    const more = "/run/notify: EXTEND_TIMEOUT_USEC=15000000";
    expect(heard.slice(1)).toEqual([...first, more]);
    await clock.pass(10_000);
    expect(heard.slice(1)).toEqual([...first, more, more, more]);
    systemd[Symbol.dispose]();
    await clock.pass(60_000);
    expect(heard.length).toBe(5);
  });

  test("do not report readiness if a reload ends during a stop", async () => {
    const { systemd, heard, engine } = listen(SOCKET);
    using _ = systemd;
    systemd.ready(engine);
    await systemd.reloading(async () => systemd.stopping());
    expect(heard.filter((text) => text.includes("READY=1")).length).toBe(1);
  });

  test("ping the watchdog twice per timeout, before and after readiness", async () => {
    const { systemd, clock, heard } = listen({
      ...SOCKET,
      WATCHDOG_USEC: "2000000",
      WATCHDOG_PID: String(process.pid),
    });
    await clock.pass(3_000);
    expect(heard).toEqual(Array(4).fill("/run/notify: WATCHDOG=1"));
    systemd[Symbol.dispose]();
    expect(clock.timers).toEqual([]);
  });

  test.each([
    ["is for another process", { WATCHDOG_USEC: "2000000", WATCHDOG_PID: "1" }],
    ["is none", {}],
    ["makes no sense", { WATCHDOG_USEC: "soon" }],
    ["is zero", { WATCHDOG_USEC: "0" }],
  ])("do not include watchdog pings if the watchdog %s", async (_, environment) => {
    const { systemd, clock, heard } = listen({ ...SOCKET, ...environment });
    using _systemd = systemd;
    await clock.pass(10_000);
    expect(heard).toEqual([]);
  });

  test("are not sent without a socket", async () => {
    const { systemd, clock, heard, log, engine, happens } = listen({ WATCHDOG_USEC: "2000000" });
    using _ = systemd;
    let reloads = 0;
    systemd.ready(engine);
    happens(1);
    await systemd.reloading(async () => void reloads++);
    systemd.stopping();
    await clock.pass(10_000);
    expect({ heard, log: log.text(), timers: clock.timers, reloads }).toEqual({
      heard: [],
      log: "",
      timers: [],
      reloads: 1,
    });
  });

  test.each([
    ["nobody takes it", false, "does not accept notifications"],
    ["there is no C library", null, "without the C library"],
  ])("are replaced by a single warning if %s", async (_, told, warning) => {
    const { systemd, clock, log, engine } = listen({ ...SOCKET, WATCHDOG_USEC: "2000000" }, () => told);
    using _systemd = systemd;
    systemd.ready(engine);
    await clock.pass(10_000);
    expect(log.text().split("\n").length).toBe(1);
    expect(log.text()).toContain(warning);
  });
});

test("petit continues if nothing listens on the socket, and logs that once", async () => {
  await using petit = await startPetit({ env: { NOTIFY_SOCKET: "/nowhere/notify", WATCHDOG_USEC: "20000" } });
  process.kill(petit.pid, "SIGHUP");
  expect((await petit.fetch("/api/health")).status).toBe(200);
  expect(await petit.stop()).toBe(0);
  expect(petit.stderr().match(/systemd does not accept notifications/g)?.length).toBe(1);
});

describe("the status", () => {
  const status = (
    jobs: number,
    running: number,
    pending: number,
    state: "running" | "paused" | "stopped" = "running",
  ) => {
    const activity = () => ({ running, pending, executing: running, waiting: {} });
    return statusLine({ listJobs: () => Array(jobs), activity, state });
  };

  test("contains counts and unusual states", () => {
    expect(status(12, 2, 1)).toBe("12 jobs, 2 runs in progress, 1 waiting");
    expect(status(1, 1, 0)).toBe("1 job, 1 run in progress, 0 waiting");
    const activity = () => ({ running: 2, pending: 1, executing: 0, waiting: { queue: 1, approval: 2 } });
    expect(statusLine({ listJobs: () => Array(2), activity, state: "running" })).toBe(
      "2 jobs, 0 runs in progress, 1 waiting for a slot, 2 waiting for approval",
    );
    expect(status(0, 0, 0, "paused")).toBe("0 jobs, 0 runs in progress, 0 waiting, paused");
    expect(status(2, 1, 0, "stopped")).toBe("2 jobs, 1 run in progress, 0 waiting, stopping");
  });
});
