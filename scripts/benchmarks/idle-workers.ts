import type { Fleet } from "../../test/support/nats/fleet.ts";
import { cpuMs, residentMiB } from "./petit-process.ts";
import { median } from "./statistics.ts";

/** What a process needs when it has nothing to do. */
export type Usage = {
  /** CPU time in 1,000 s. */
  readonly cpuSeconds: number;
  readonly mib: number;
};

/** Within this time after a start, memory that only the start needed is released. */
const SETTLE_MS = 25_000;
const MEASURE_MS = 60_000;

/** Measures a fleet that has nothing to do. `worker` is the median of its workers. */
export const measureIdleFleet = async ({
  scheduler,
  workers,
  nats,
}: Fleet): Promise<Record<"scheduler" | "worker" | "nats", Usage>> => {
  await Bun.sleep(SETTLE_MS);
  const pids = [scheduler.pid, nats.pid, ...workers.map(({ pid }) => pid)];
  const before = pids.map(cpuMs);
  await Bun.sleep(MEASURE_MS);
  const [own, server, ...others] = pids.map(
    (pid, index): Usage => ({
      cpuSeconds: ((cpuMs(pid) - (before[index] ?? 0)) / MEASURE_MS) * 1_000,
      mib: residentMiB(pid),
    }),
  );
  if (own === undefined || server === undefined) throw new Error("there are no processes");
  const worker = {
    cpuSeconds: median(others.map(({ cpuSeconds }) => cpuSeconds)),
    mib: median(others.map(({ mib }) => mib)),
  };
  return { scheduler: own, worker, nats: server };
};
