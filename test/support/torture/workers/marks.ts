import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What an attempt has recorded. */
export type Mark = {
  /** The run, the task, the position of the item or `-`, and the number of the attempt. */
  readonly key: string;
  /** The same without the number of the attempt. */
  readonly task: string;
  readonly attempt: number;
  readonly pid: number;
  /** Where it ran. */
  readonly machine: string;
  /** In seconds since boot. */
  readonly begunS: number;
  /** Null if it did not reach its end. */
  readonly endedS: number | null;
};

/** Reads the files of all attempts, or of those of a run. */
export const readMarks = (dir: string, runId = ""): readonly Mark[] =>
  readdirSync(dir)
    .filter((name) => name.includes(",") && name.startsWith(runId) && !name.startsWith("lock,"))
    .map((name) => markOf(name, readFileSync(join(dir, name), "utf8")));

const markOf = (name: string, text: string): Mark => {
  // A fifth word tells the files of the same attempt apart.
  const words = name.split(",").slice(0, 4);
  const [begin = "", end] = text.split("\n").filter((line) => line !== "");
  const [, begunS, pid, machine = ""] = begin.split(" ");
  return {
    key: words.join(" "),
    task: words.slice(0, -1).join(" "),
    attempt: Number(words.at(-1)),
    pid: Number(pid),
    machine,
    begunS: Number(begunS),
    endedS: end === undefined ? null : Number(end.split(" ")[1]),
  };
};

/** Returns the attempts that found a file of their own, or another process of their task. */
export const markFaults = (dir: string): readonly MarkFault[] => {
  const file = join(dir, "faults");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  return lines.map((line) => {
    const [kind, , ...words] = line.split(" ");
    return { line, isTwice: kind === "twice", key: words.slice(0, 4).join(" ") };
  });
};

export type MarkFault = {
  readonly line: string;
  /** True if it found a file of its own. */
  readonly isTwice: boolean;
  /** The key of the mark. */
  readonly key: string;
};

/** Returns the attempts of a task that began before the end of the one before. */
export const overlaps = (marks: readonly Mark[]): readonly string[] =>
  [...Map.groupBy(marks, ({ task }) => task).values()].flatMap((attempts) => {
    const sorted = attempts.toSorted((a, b) => a.attempt - b.attempt || a.begunS - b.begunS);
    return sorted.flatMap((mark, index) => {
      const before = sorted[index - 1];
      return before !== undefined && mark.begunS < (before.endedS ?? before.begunS)
        ? [`attempt ${mark.key} began before the end of the one before`]
        : [];
    });
  });

/** Returns the living processes whose environment names the folder of the marks: those of tasks. */
export const markedProcesses = (dir: string): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).split("\0").includes(`MARKS=${dir}`))
    .map(Number);

/** Returns the environment of a process, which is empty for a zombie. */
const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
};

/** Returns whether a process runs, and is not a zombie. */
export const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
};

/** Returns the processes of tasks that a machine started. */
export const processesOn = (dir: string, machine: string): readonly number[] =>
  markedProcesses(dir).filter((pid) => environmentOf(String(pid)).split("\0").includes(`MACHINE=${machine}`));
