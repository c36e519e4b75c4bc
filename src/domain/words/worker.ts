import { CGROUP_LIMITS } from "../limits/task-limits.ts";
import type { RefusedHello, WorkerState } from "../workers/worker.ts";

/** Formats a set of labels: `gpu, zone=eu`. */
export const labelsText = (labels: readonly string[]): string => labels.join(", ");

/** What each state of a worker means. */
export const WORKER_STATE_TEXT = {
  connected: "it says hello regularly",
  unreachable: "its hellos stopped; what it runs continues",
  lost: "it is unreachable for longer than `lost_after`, and what it ran was declared lost",
  refused: "it says hello, but gets no work",
  unknown: "petit is not connected to NATS, or has not been for long enough to know",
  gone: "it was stopped, and nothing runs there",
} as const satisfies Record<WorkerState, string>;

/** Why a worker gets no work, as a clause. */
export const WORKER_REFUSAL_TEXT = {
  protocol: "its version of petit speaks another protocol",
  name_in_use: "another worker has this name",
  copied: "another worker has a copy of its state folder, and both are running",
  untrusted: "it refuses petit's key, which is not among those of its `--trust`",
  storage: "it can't store anything",
} as const satisfies Record<RefusedHello, string>;

/** The same in a few words, to follow the name of the worker. */
export const WORKER_REFUSAL_SHORT_TEXT = {
  protocol: "speaks another protocol",
  name_in_use: "has a name that is in use",
  copied: "is a copy of another worker",
  untrusted: "refuses petit's key",
  storage: "can't store anything",
} as const satisfies Record<RefusedHello, string>;

/** The kinds of reports that arrive when their worker no longer has the attempt. */
type Note = { readonly worker: string; readonly detail: { readonly [key: string]: unknown } };

/** Returns a late report of a worker as a clause: `box7 reported later that it completed`. */
export const noteText = ({ worker, detail: { status } }: Note): string =>
  `${worker} reported later that it ${status === "completed" || status === "failed" ? status : "ended"}`;

/** Returns which limits of tasks a worker can enforce, as a clause; null if it does not say. */
export const enforcesText = (limits: readonly string[] | null): string | null => {
  if (limits === null) return null;
  const lacks = CGROUP_LIMITS.filter((limit) => !limits.includes(limit));
  if (lacks.length === CGROUP_LIMITS.length) return "enforces no limits";
  return `enforces ${limits.join(", ")}${lacks.length === 0 ? "" : `, but not ${lacks.join(", ")}`}`;
};
