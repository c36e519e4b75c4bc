import { spawnSync } from "node:child_process";
import { getPriority } from "node:os";
import { type IoClass, needsRoot, type TaskLimits } from "../../domain/limits/task-limits.ts";
import { findTool } from "../../lib/system/tools.ts";
import type { ProcessCommand } from "./process.ts";
import { SpawnError } from "./spawn-error.ts";

/**
 * Returns a command that runs another one with the priorities of limits, which all of its processes inherit. Throws SpawnError if a program
 * for that is missing, or if petit may not give them.
 */
export const withPriority = (command: ProcessCommand, limits: Pick<TaskLimits, "nice" | "io">): ProcessCommand => {
  const { nice, io } = limits;
  const prefix = [...(nice === undefined ? [] : nicePrefix(nice)), ...(io === undefined ? [] : ioPrefix(io))];
  return prefix.length === 0 ? command : { ...command, argv: [...prefix, ...command.argv] };
};

const nicePrefix = (nice: number): readonly string[] => {
  const step = nice - getPriority();
  if (step === 0) return [];
  const program = tool("nice", "nice", "coreutils");
  const prefix = [program, "-n", String(step)];
  // The program only warns if it can't raise the priority, and prints the priority if it has no command.
  if (step < 0 && !isTold(prefix, program, String(nice)))
    throw new SpawnError("EPERM", `limits.nice is ${nice}, but petit may not give a priority above its own; ${NEED}`);
  return prefix;
};

const ioPrefix = (io: IoClass): readonly string[] => {
  const program = tool("ionice", "io", "util-linux");
  const [name = "", level] = io.split(":");
  const prefix = [program, "-c", CLASS_NUMBERS[name] ?? "", ...(level === undefined ? [] : ["-n", level])];
  if (needsRoot({ io }) && !isTold(prefix, program, name))
    throw new SpawnError("EPERM", `limits.io is ${io}, but petit may not give that priority; ${NEED}`);
  return prefix;
};

const NEED = "it needs root, or the capability SYS_NICE";

/** The classes of ioprio_set(2). */
const CLASS_NUMBERS: Readonly<Record<string, string>> = { realtime: "1", "best-effort": "2", idle: "3" };

const tool = (name: string, field: string, source: string): string => {
  const known = TOOLS.get(name);
  if (known !== undefined) return known;
  const found = findTool(name);
  if (found === null)
    throw new SpawnError(
      "ENOENT",
      `limits.${field} needs the program ${name}, which is not on this machine; install ${source}`,
    );
  TOOLS.set(name, found);
  return found;
};

const TOOLS = new Map<string, string>();

const TIMEOUT_MS = 10_000;

/** By command; what petit may give does not change while it runs. */
const ANSWERS = new Map<string, boolean>();

/** Returns whether a program that prints its priority prints this one when it has the prefix. */
const isTold = (prefix: readonly string[], program: string, expected: string): boolean => {
  const key = prefix.join(" ");
  const known = ANSWERS.get(key);
  if (known !== undefined) return known;
  const [first = "", ...args] = prefix;
  const { stdout } = spawnSync(first, [...args, program], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    env: { LC_ALL: "C" },
  });
  const isSame = (stdout ?? "").trim().split(":")[0] === expected;
  ANSWERS.set(key, isSame);
  return isSame;
};
