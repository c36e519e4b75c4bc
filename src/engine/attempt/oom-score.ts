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

/** Shell command that gives the process of the shell the score of a task; empty if the system has no scores. */
export const RAISE_OOM_SCORE = own === null ? "" : `echo ${oomScoreOf(Number(own), availableBytes())} > ${FILE}; `;
