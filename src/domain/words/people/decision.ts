import type { Outputs } from "../../task-run.ts";
import { byText } from "../inbox/unfired.ts";

/** How an approval ended. */
export type DecidedApproval = {
  readonly taskId: string;
  readonly kind: "approved" | "rejected";
  /** Who decided, or `timeout`; null if petit does not know it. */
  readonly by: string | null;
};

type ApprovalTask = {
  readonly task_id: string;
  readonly approval: object | null;
  readonly outputs: Outputs;
};

/** Returns the decisions about those of the tasks that are approvals; its outputs have them. */
export const decisionsOf = (tasks: readonly ApprovalTask[]): readonly DecidedApproval[] =>
  tasks.flatMap(({ task_id: taskId, approval, outputs: { decision, by = null } }) =>
    approval !== null && (decision === "approved" || decision === "rejected") ? [{ taskId, kind: decision, by }] : [],
  );

/** Returns a decision as a clause, such as `task 'release' was approved by ada`. */
export const decisionText = ({ taskId, kind, by }: DecidedApproval): string =>
  `task '${taskId}' was ${kind}${byText(by === TIMEOUT ? "its timeout" : by)}`;

/** Who decided when nobody did in time. */
const TIMEOUT = "timeout";
