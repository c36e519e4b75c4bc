import type { Reason } from "../../../domain/run.ts";
import { formatRoundedSize } from "../../../lib/size.ts";
import type { ExitJudgement } from "../exit-status.ts";
import type { MemoryReport } from "./cgroup.ts";

/** What an attempt may have as its reason although the kernel has ended its processes for lack of memory. */
const BY_ITSELF: ReadonlySet<Reason | null> = new Set(["exit_code", "signal", "interrupted"]);

/** Returns how an attempt ended, given what became of its limit of memory. Only one that failed by itself has run out of memory. */
export const afterMemory = <Result extends ExitJudgement>(
  result: Result,
  { peakBytes, ranOut }: MemoryReport,
  limitBytes: number,
): Result => {
  const { outcome } = result;
  if (!ranOut || outcome.status !== "failed" || !BY_ITSELF.has(outcome.reason)) return result;
  const used = peakBytes === null ? "all" : sizeOf(peakBytes);
  const error = `ran out of memory: it used ${used} of ${sizeOf(limitBytes)}`;
  return { ...result, outcome: { ...outcome, reason: "out_of_memory", error }, transient: false };
};

const sizeOf = (bytes: number): string => formatRoundedSize(bytes).replace(".0 ", " ");
