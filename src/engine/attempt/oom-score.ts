import { totalmem } from "node:os";
import { readText } from "../output/spool.ts";

/** What petit itself may use, at most. */
const OWN_BYTES = 384 * 2 ** 20;

/** The largest value; each unit counts as a thousandth of the memory. */
const MAX_SCORE = 1_000;

/**
 * Returns the score of a task, given that of petit: when the kernel has to kill a process for lack of memory, the task counts as if it also
 * used what petit may use. Between two tasks, and between a task and a program outside of petit, the kernel still prefers the larger one.
 */
export const oomScoreOf = (own: number, memoryBytes: number): number =>
  Math.min(MAX_SCORE, own + Math.ceil((MAX_SCORE * OWN_BYTES) / memoryBytes));

/** The memory of this machine or of this container. */
const availableBytes = (): number => {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

const FILE = "/proc/self/oom_score_adj";
const own = readText(FILE);

/** More than the shell that records the exit status uses, in bytes. */
const SHELL_BYTES = 4 * 2 ** 20;

/**
 * Returns a shell command that gives the process of the shell the score of a task; empty if the system has no scores. Within a limit of
 * memory, which is smaller than the machine, the kernel must also prefer the task to the shell around it.
 */
export const raiseOomScore = (limitBytes: number | null): string => {
  if (own === null) return "";
  const score = oomScoreOf(Number(own), availableBytes());
  const within = limitBytes === null ? 0 : Math.ceil((MAX_SCORE * SHELL_BYTES) / limitBytes);
  return `echo ${Math.min(MAX_SCORE, Math.max(score, Number(own) + within))} > ${FILE}; `;
};
