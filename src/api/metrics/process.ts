/// <reference path="./prom-client.d.ts" />
import { readdirSync, readFileSync } from "node:fs";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import type Registry from "prom-client/lib/registry.js";

/**
 * Registers the metrics of the process under the standard names. Those of the library work in Node only: in other runtimes
 * some are wrong, and one wakes the process a hundred times a second. Metrics that the system does not provide are left out.
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 */
export const registerProcessMetrics = (registry: Registry): void => {
  const registers = [registry];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time of petit.",
    registers,
    collect() {
      this.reset();
      this.inc(cpuSeconds());
    },
  });
  for (const [name, help, value] of GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const now = value();
        if (Number.isFinite(now)) this.set(now);
        else this.remove();
      },
    });
  }
};

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
};

const startedAt = Math.round(performance.timeOrigin) / 1000;

/** Returns a file of this process in /proc, or an empty text if there is none. */
const readProc = (name: string): string => {
  try {
    return readFileSync(`/proc/self/${name}`, "latin1");
  } catch {
    return "";
  }
};

/** Returns NaN if the system does not provide it. */
const countOpenFiles = (): number => {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
};

const GAUGES: readonly (readonly [name: string, help: string, value: () => number])[] = [
  ["process_start_time_seconds", "Start time of petit, in seconds since the Unix epoch.", () => startedAt],
  ["process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss()],
  [
    "process_virtual_memory_bytes",
    "Virtual memory; the runtime reserves much more than it uses.",
    () => Number(/^VmSize:\s*(\d+)/m.exec(readProc("status"))?.[1]) * 1024,
  ],
  ["process_open_fds", "Open file descriptors.", countOpenFiles],
  [
    "process_max_fds",
    "Limit of open file descriptors.",
    () => Number(/^Max open files\s+(\d+)/m.exec(readProc("limits"))?.[1]),
  ],
];
