import type { Approval } from "../../../domain/job.ts";
import type { TaskOutcome } from "../../../domain/task-run.ts";
import { formatDuration } from "../../../lib/duration.ts";

/** How an approval ended: by a person, or because nobody decided in time. */
export type ApprovalDecision =
  | {
      readonly kind: "approve" | "reject";
      /** The person who decided: the name of a token, otherwise an address. */
      readonly by: string | null;
      readonly comment: string | null;
    }
  | { readonly kind: "timeout"; readonly onTimeout: Approval["onTimeout"]; readonly timeoutMs: number };

/** Returns the outcome of an approval. Its outputs say who decided, and why. */
export const outcomeOfDecision = (decision: ApprovalDecision): TaskOutcome => {
  if (decision.kind === "timeout") {
    if (decision.onTimeout === "approve") return approved({ decision: "approved", by: "timeout" });
    const error = `nobody approved it within ${formatDuration(decision.timeoutMs)}`;
    return { ...FAILED, reason: "timeout", error, outputs: { decision: "rejected", by: "timeout" } };
  }
  const { kind, by, comment } = decision;
  const outputs = {
    decision: kind === "approve" ? "approved" : "rejected",
    ...(by !== null && { by }),
    ...(comment !== null && { comment }),
  };
  if (kind === "approve") return approved(outputs);
  const error = `rejected${by === null ? "" : ` by ${by}`}${comment === null ? "" : `: ${comment}`}`;
  return { ...FAILED, reason: "rejected", error, outputs };
};

const approved = (outputs: TaskOutcome["outputs"]): TaskOutcome => ({
  status: "completed",
  reason: null,
  error: null,
  exitCode: null,
  outputs,
});

const FAILED = { status: "failed", exitCode: null } as const;
