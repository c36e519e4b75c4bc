import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { CgroupLimit, TaskLimits } from "../../../domain/limits/task-limits.ts";
import type { Usage } from "../../../domain/usage.ts";
import { errorCode } from "../../../lib/error-message.ts";
import { readText } from "../../output/spool.ts";
import { statOf } from "../identity.ts";
import { WRAPPER_PIDS } from "../wrapper.ts";
import type { Controller } from "./support.ts";

/** What a cgroup enforces, and by what: the kernel's documentation is Documentation/admin-guide/cgroup-v2.rst. */
export type CgroupLimits = {
  readonly limits: Pick<TaskLimits, "memoryBytes" | "cpus" | "pids">;
  /** The controllers that the folder has. Limits of others are left out. */
  readonly controllers: ReadonlySet<Controller>;
  /** The number of processes of petit's wrapper, which the program may have in addition to its own. */
  readonly wrapperPids: number;
};

/** Period of `cpu.max` in µs; the kernel's default. */
const CPU_PERIOD_US = 100_000;

/** How much memory the processes of a cgroup used, and whether the kernel ended some of them because of its limit. */
export type MemoryReport = {
  /** Null before Linux 5.19. */
  readonly peakBytes: number | null;
  readonly ranOut: boolean;
};

/** The cgroup of one attempt: a folder of cgroup v2. */
export class Cgroup {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A process that writes its pid to this file enters the cgroup. */
  get procs(): string {
    return this.#file("cgroup.procs");
  }

  get exists(): boolean {
    return existsSync(this.folder);
  }

  /** Creates the folder, unless it exists, with limits. Throws an Error with a sentence that says which limit can't be set. */
  create({ limits, controllers, wrapperPids }: CgroupLimits): void {
    try {
      mkdirSync(this.folder, { mode: 0o755 });
    } catch (error) {
      if (errorCode(error) !== "EEXIST")
        throw new Error(`its cgroup ${this.folder} could not be created: ${errorCode(error)}`, { cause: error });
    }
    for (const setting of settingsOf(limits, controllers, [wrapperPids])) this.#set(setting);
  }

  /** Sets limits again that do not have their value any more. Throws as `create`. */
  restore(limits: CgroupLimits["limits"], controllers: CgroupLimits["controllers"]): void {
    for (const setting of settingsOf(limits, controllers, WRAPPER_PIDS)) {
      const now = readText(this.#file(setting.file))?.trim();
      if (now === undefined || !setting.values.includes(now)) this.#set(setting);
    }
  }

  #set({ limit, file, values: [value = ""], needsFile }: Setting): void {
    try {
      writeExisting(this.#file(file), value);
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT" && !needsFile()) return;
      throw new Error(`its limit '${limit}' could not be set: ${join(this.folder, file)}: ${code}`, { cause: error });
    }
  }

  /** Returns what all processes that are or were in it have used; null if none ever was, since each uses some time. */
  usage(): Usage | null {
    const { usage_usec = 0, user_usec = 0, system_usec = 0 } = this.#numbers("cpu.stat");
    if (usage_usec === 0) return null;
    return {
      cpuUserMs: Math.round(user_usec / 1_000),
      cpuSystemMs: Math.round(system_usec / 1_000),
      memoryPeakBytes: this.#memoryPeak(),
      source: "cgroup",
    };
  }

  /** Returns what became of the limit of memory. Kills that another cgroup or the whole machine is the reason for do not count. */
  memory(): MemoryReport {
    const all = this.#numbers("memory.events");
    // Before Linux 5.2 there is no file that leaves cgroups within this one out.
    const { oom = all.oom ?? 0 } = this.#numbers("memory.events.local");
    return { peakBytes: this.#memoryPeak(), ranOut: (all.oom_kill ?? 0) > 0 && oom > 0 };
  }

  #memoryPeak(): number | null {
    const text = readText(this.#file("memory.peak"));
    return text === null ? null : Number.parseInt(text, 10);
  }

  /** True while a process of it or of a cgroup within it has not ended. Zombies have. */
  get isPopulated(): boolean {
    return this.#numbers("cgroup.events").populated === 1;
  }

  /** Sends SIGTERM to all processes, except for those of a process group, which get it otherwise. */
  terminateOthers(group: number): void {
    for (const pid of this.#pids()) if (statOf(pid)?.group !== group) signal(pid, "SIGTERM");
  }

  /** Kills all processes. Call it again while it is populated: before Linux 5.14, new ones can escape. */
  kill(): void {
    try {
      writeExisting(this.#file("cgroup.kill"), "1");
    } catch {
      try {
        writeExisting(this.#file("cgroup.freeze"), "1");
      } catch {
        // Before Linux 5.2, or the folder is gone.
      }
      for (const pid of this.#pids()) signal(pid, "SIGKILL");
    }
  }

  /** Removes the folder and those that its processes have created in it. Returns false if there are processes. */
  remove(): boolean {
    if (removeFolder(this.folder)) return true;
    if (this.isPopulated) return false;
    for (const folder of foldersIn(this.folder).toReversed()) removeFolder(folder);
    return removeFolder(this.folder);
  }

  /** Returns the pids in it and in the cgroups within it. A process outside of petit's namespace has the pid 0. */
  #pids(): readonly number[] {
    return [this.folder, ...foldersIn(this.folder)].flatMap((folder) => pidsIn(folder)).filter((pid) => pid > 1);
  }

  /** Returns the numbers of a file whose lines are names and numbers. */
  #numbers(file: string): Readonly<Record<string, number | undefined>> {
    const lines = (readText(this.#file(file)) ?? "").split("\n").map((line) => line.split(" "));
    return Object.fromEntries(lines.map(([name = "", value]) => [name, Number(value)]));
  }

  #file(name: string): string {
    return join(this.folder, name);
  }
}

type Setting = {
  readonly limit: CgroupLimit;
  readonly file: string;
  /** What the file may have. The first is what is written. */
  readonly values: readonly string[];
  /** Returns false if the limit is enforced without the file. */
  readonly needsFile: () => boolean;
};

const settingsOf = (
  { memoryBytes, cpus, pids }: CgroupLimits["limits"],
  controllers: CgroupLimits["controllers"],
  wrapperPids: readonly number[],
): readonly Setting[] => {
  const has = (controller: Controller, limit: number | undefined): limit is number =>
    limit !== undefined && controllers.has(controller);
  const needsFile = (): boolean => true;
  return [
    ...(has("memory", memoryBytes)
      ? ([
          // Without this file the kernel does not account for swap, which matters only if there is any.
          { limit: "memory", file: "memory.swap.max", values: ["0"], needsFile: hasSwap },
          { limit: "memory", file: "memory.max", values: [String(pageAligned(memoryBytes))], needsFile },
        ] as const)
      : []),
    ...(has("cpu", cpus)
      ? ([
          {
            limit: "cpus",
            file: "cpu.max",
            values: [`${Math.round(cpus * CPU_PERIOD_US)} ${CPU_PERIOD_US}`],
            needsFile,
          },
        ] as const)
      : []),
    ...(has("pids", pids)
      ? ([
          { limit: "pids", file: "pids.max", values: wrapperPids.map((own) => String(pids + own)), needsFile },
        ] as const)
      : []),
  ];
};

const hasSwap = (): boolean => (readText("/proc/swaps") ?? "").trim().split("\n").length > 1;

/** The kernel rounds a limit down to whole pages. */
const pageAligned = (bytes: number): number => bytes - (bytes % PAGE_BYTES);
const PAGE_BYTES = 4_096;

/** Returns the pids in a folder of cgroup v2, without those in folders within it. */
export const pidsIn = (folder: string): readonly number[] =>
  (readText(join(folder, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);

/** Writes to a file of the kernel. Unlike `writeFileSync`, does not try to create one. Throws the errors of the system. */
export const writeExisting = (path: string, text: string): void => {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
};

/** Returns the folders within a folder, each after the one that contains it. */
const foldersIn = (folder: string): readonly string[] => {
  try {
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return folders.map(({ name }) => join(folder, name)).flatMap((path) => [path, ...foldersIn(path)]);
  } catch {
    return [];
  }
};

/** Returns true also if there is no such folder. */
const removeFolder = (folder: string): boolean => {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return errorCode(error) === "ENOENT";
  }
};
