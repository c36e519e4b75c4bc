import type { Report } from "../report.ts";
import { DEFAULT_CONDITION } from "../schema/gate.ts";
import type { JobDraft } from "../schema/job.ts";

type GateDraft = NonNullable<JobDraft["depends_on"]>[number];

/**
 * Reports each gate that repeats the condition of an earlier gate on the same job. Two `within_window` gates count as
 * repeated because the shorter window decides. `within_window` and `last_success` can hold independently of each other.
 */
export const checkGates = ({ depends_on: gates = [] }: JobDraft, report: Report): void => {
  const first = new Map<string, number>();
  for (const [index, gate] of gates.entries()) {
    const key = keyOf(gate);
    if (key === null) continue;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    else report.addAt(["depends_on", index], `repeats depends_on[${earlier}]; expected each gate once`);
  }
};

/** Returns a key for the job and condition, or null if the gate is invalid. */
const keyOf = (gate: GateDraft): string | null => {
  if (gate === undefined) return null;
  const job = typeof gate === "string" ? gate : (gate.job ?? gate.job_id);
  if (job === undefined) return null;
  const condition = typeof gate === "string" ? DEFAULT_CONDITION : gate.condition;
  if (condition === undefined) return null;
  return `${typeof condition === "string" ? condition : "within_window"} ${job}`;
};
