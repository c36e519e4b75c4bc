import type { Report } from "../report.ts";
import { DEFAULT_CONDITION } from "../schema/gate.ts";
import type { JobDraft } from "../schema/job.ts";

type GateDraft = NonNullable<JobDraft["depends_on"]>[number];

/**
 * Reports each gate that asks the same of the same job as an earlier one. Two windows are the same question: the shorter
 * one decides. A window beside `last_success` is not: each can hold without the other.
 */
export const checkGates = ({ depends_on: gates = [] }: JobDraft, report: Report): void => {
  const first = new Map<string, number>();
  for (const [index, gate] of gates.entries()) {
    const key = keyOf(gate);
    if (key === null) continue;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    else report.addAt(["depends_on", index], `asks the same as depends_on[${earlier}]; expected each gate once`);
  }
};

/** Returns null for a gate that can't be read. */
const keyOf = (gate: GateDraft): string | null => {
  if (gate === undefined) return null;
  const job = typeof gate === "string" ? gate : (gate.job ?? gate.job_id);
  if (job === undefined) return null;
  const condition = typeof gate === "string" ? DEFAULT_CONDITION : gate.condition;
  if (condition === undefined) return null;
  return `${typeof condition === "string" ? condition : "within_window"} ${job}`;
};
