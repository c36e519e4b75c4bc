import { formatDuration } from "../../lib/duration.ts";
import { assertNever } from "../../lib/never.ts";
import type { ShutGate } from "../dependency.ts";
import { RUN_STATUS_VERBS } from "./run.ts";

/** Returns why a gate on another job is shut, as a clause: `'upstream' has never run, but …`. */
export const shutGateText = (gate: NamedGate): string => {
  switch (gate.condition) {
    case "last_success":
      return `${newestRunText(gate)}, but its last run must be completed`;
    case "last_complete":
      return `${newestRunText(gate)}, but its last run must be completed or failed`;
    case "within_window":
      return `'${gate.jobId}' has no completed run in the last ${formatDuration(gate.windowMs ?? 0)}`;
    default:
      return assertNever(gate.condition);
  }
};

/** A gate with the id of its job as text. */
type NamedGate = Omit<ShutGate, "jobId"> & { readonly jobId: string };

const newestRunText = ({ jobId, newestStatus }: NamedGate): string =>
  newestStatus === null ? `'${jobId}' has never run` : `the last run of '${jobId}' ${RUN_STATUS_VERBS[newestStatus]}`;
