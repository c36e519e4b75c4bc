import { Fleet } from "../../test/support/nats/fleet.ts";
import { hasNats, NATS_VERSIONS } from "../../test/support/nats/server.ts";
import { cpuMs, EXECUTABLE, residentMiB } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob } from "./workspace.ts";

/** Within this time after a start, memory that only the start needed is released. */
const SETTLE_MS = 25_000;
/** Long, because the kernel counts CPU time in steps of 10 ms. */
const MEASURE_MS = 60_000;

/** Measures the CPU time and the memory of a petit, three workers and a nats-server that have nothing to do. */
export const measureIdleWorkers = async (): Promise<readonly Row[]> => {
  const natsVersion = NATS_VERSIONS.findLast(hasNats);
  if (natsVersion === undefined) return [{ what: "idle workers", petit: "nats-server is not installed" }];
  await using fleet = await Fleet.start({
    dir: makeFolder("idle-workers"),
    natsVersion,
    lostAfterMs: 5 * 60_000,
    jobs: { "box.yaml": trueJob("box", "runs_on: box\n") },
    workers: { box1: ["box"], box2: ["box"], box3: ["box"] },
    slots: 4,
    command: [EXECUTABLE],
    isDirect: true,
  });
  await Bun.sleep(SETTLE_MS);
  const { scheduler, nats, workers } = fleet;
  const pids = [scheduler.pid, nats.pid, ...workers.map(({ pid }) => pid)];
  const before = pids.map(cpuMs);
  await Bun.sleep(MEASURE_MS);
  const usage = pids.map((pid, index) => ({
    /** In 1,000 s. */
    cpuSeconds: ((cpuMs(pid) - (before[index] ?? 0)) / MEASURE_MS) * 1_000,
    mib: residentMiB(pid),
  }));
  return rowsOf(usage);
};

type Usage = { readonly cpuSeconds: number; readonly mib: number };

const rowsOf = ([petit, nats, ...workers]: readonly Usage[]): readonly Row[] => {
  const workerMib = median(workers.map(({ mib }) => mib));
  const seconds = [petit?.cpuSeconds, median(workers.map(({ cpuSeconds }) => cpuSeconds)), nats?.cpuSeconds];
  const mib = [petit?.mib, workerMib, nats?.mib];
  const join = (values: readonly (number | undefined)[]): string =>
    values.map((value) => figure(value ?? 0)).join(" / ");
  return [
    { what: "CPU time in 1,000 idle s: petit, a worker, NATS", petit: `${join(seconds)} s` },
    {
      what: "  … memory",
      petit: `${join(mib)} MiB`,
      value: workerMib,
      target: { bound: "under", value: 60, unit: " MiB" },
    },
  ];
};
