/// <reference path="./prom-client.d.ts" />
import { readdirSync, readFileSync } from "node:fs";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import type Registry from "prom-client/lib/registry.js";

/**
 * Figures of the process under the names that all exporters use. The library's own are Node's alone: in other runtimes some
 * are wrong, and one wakes the process a hundred times a second. What the system doesn't tell is left out.
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 */
export const processMetrics = (registry: Registry): void => {
  const registers = [registry];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time that petit itself took.",
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

/** What the system tells of this process: a file in /proc. Empty where there is none. */
const proc = (name: string): string => {
  try {
    return readFileSync(`/proc/self/${name}`, "latin1");
  } catch {
    return "";
  }
};

/** NaN where the system doesn't tell. */
const openFiles = (): number => {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
};

const GAUGES: readonly (readonly [name: string, help: string, value: () => number])[] = [
  ["process_start_time_seconds", "When petit was started, since the Unix epoch.", () => startedAt],
  ["process_resident_memory_bytes", "Memory that is held.", () => process.memoryUsage.rss()],
  [
    "process_virtual_memory_bytes",
    "Address space; the runtime reserves much that it never uses.",
    () => Number(/^VmSize:\s*(\d+)/m.exec(proc("status"))?.[1]) * 1024,
  ],
  ["process_open_fds", "File descriptors that are open.", openFiles],
  [
    "process_max_fds",
    "File descriptors that may be open.",
    () => Number(/^Max open files\s+(\d+)/m.exec(proc("limits"))?.[1]),
  ],
];
