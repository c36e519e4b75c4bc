import { LIMIT_BOUNDS } from "../../../../domain/limits/task-limits.ts";
import type { Json } from "../../../../lib/json.ts";
import type { Remarks } from "../../remarks.ts";
import { place } from "../timer.ts";
import { type Directive, lastOf } from "../unit/parse.ts";

/** The settings of a service that become `limits`. */
export const LIMIT_SETTINGS = [
  "MemoryMax",
  "MemoryLimit",
  "CPUQuota",
  "TasksMax",
  "Nice",
  "IOSchedulingClass",
  "IOSchedulingPriority",
];

/** Translates MemoryMax=, CPUQuota=, TasksMax=, Nice= and IOSchedulingClass= into `limits`; null if there are none. */
export const limitsOf = (directives: readonly Directive[], remarks: Remarks): Json | null => {
  const read = <Value extends Json>(
    names: readonly string[],
    toValue: (text: string) => Value | null | "none",
    expected: string,
  ): Value | null => {
    const directive = lastOf(directives, "Service", ...names);
    if (directive === null) return null;
    const value = toValue(directive.value);
    if (value === null) remarks.leaveOut(place(directive), expected);
    return value === "none" ? null : (value as Value | null);
  };
  const memory = read(
    ["MemoryMax", "MemoryLimit"],
    memoryOf,
    "petit's limit is a number of bytes of at least 4M, not a share of the machine",
  );
  const cpus = read(["CPUQuota"], cpusOf, "petit's limit is a number of processors of at least 0.01");
  const pids = read(["TasksMax"], pidsOf, "petit's limit is a number of processes, not a share of the machine");
  const nice = read(["Nice"], niceOf, "expected a number from -20 to 19");
  const io = ioOf(directives, remarks);
  const limits = { memory, cpus, pids, nice, io };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null));
  return Object.keys(given).length === 0 ? null : given;
};

const UNITS: Readonly<Record<string, readonly [factor: number, name: string]>> = {
  "": [1, ""],
  B: [1, ""],
  K: [2 ** 10, "KiB"],
  M: [2 ** 20, "MiB"],
  G: [2 ** 30, "GiB"],
  T: [2 ** 40, "TiB"],
};

const memoryOf = (text: string): string | null | "none" => {
  if (text === "infinity") return "none";
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)B?$/.exec(text) ?? [];
  const [factor, name] = UNITS[unit] ?? [1, ""];
  const bytes = Number(digits) * factor;
  if (digits === "" || bytes < LIMIT_BOUNDS.memoryBytes.min) return null;
  return name !== "" && /^\d+$/.test(digits) ? `${digits}${name}` : `${Math.ceil(bytes / 1024)}KiB`;
};

const cpusOf = (text: string): number | null | "none" => {
  if (text === "infinity") return "none";
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  const cpus = Number(percent) / 100;
  return percent !== undefined && cpus >= LIMIT_BOUNDS.cpus.min && cpus <= LIMIT_BOUNDS.cpus.max ? cpus : null;
};

const pidsOf = (text: string): number | null | "none" => {
  if (text === "infinity") return "none";
  const pids = Number(text);
  return /^\d+$/.test(text) && pids >= LIMIT_BOUNDS.pids.min && pids <= LIMIT_BOUNDS.pids.max ? pids : null;
};

const niceOf = (text: string): number | null => {
  const nice = Number(text);
  return /^[+-]?\d+$/.test(text) && nice >= LIMIT_BOUNDS.nice.min && nice <= LIMIT_BOUNDS.nice.max ? nice : null;
};

const IO_CLASSES: Readonly<Record<string, string>> = {
  "1": "realtime",
  realtime: "realtime",
  "2": "best-effort",
  "best-effort": "best-effort",
  "3": "idle",
  idle: "idle",
};

/** A level alone counts for best-effort, the class that systemd then uses. */
const ioOf = (directives: readonly Directive[], remarks: Remarks): string | null => {
  const given = lastOf(directives, "Service", "IOSchedulingClass");
  const priority = lastOf(directives, "Service", "IOSchedulingPriority");
  if (given === null && priority === null) return null;
  const name = given === null ? "best-effort" : given.value;
  if (name === "none" || name === "0") return null;
  const ioClass = Object.hasOwn(IO_CLASSES, name) ? (IO_CLASSES[name] ?? null) : null;
  if (ioClass === null && given !== null) remarks.leaveOut(place(given), "expected idle, best-effort or realtime");
  if (priority !== null && !/^[0-7]$/.test(priority.value))
    remarks.leaveOut(place(priority), "expected a number from 0 to 7");
  const level = priority !== null && /^[0-7]$/.test(priority.value) && ioClass !== "idle" ? `:${priority.value}` : "";
  return ioClass === null ? null : `${ioClass}${level}`;
};
