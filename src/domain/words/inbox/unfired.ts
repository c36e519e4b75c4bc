import type { ShutGate } from "../../dependency.ts";
import { MAX_UNFIRED, type ReasonCount, type UnfiredReason } from "../../inbox/unfired.ts";
import { shutGateText } from "../gate.ts";
import { OCCURRENCE_REASON_TEXT } from "../schedule/occurrence.ts";

/** Why the schedule of a job starts no runs, as the API returns it. */
export type UnfiredFacts = {
  /** How many occurrences in a row. */
  readonly count: number;
  /** Why the newest of them started no run. */
  readonly reason: UnfiredReason;
  /** The most frequent one first. */
  readonly reasons: readonly ReasonCount[];
  /** What is paused now, if that keeps it from running. An older petit does not say it. */
  readonly paused?: "job" | "scheduler" | null;
  readonly paused_by: string | null;
  /** The gates that are shut now. */
  readonly gates: readonly UnfiredGate[];
};

type UnfiredGate = Pick<ShutGate, "condition"> & {
  readonly job_id: string;
  readonly window_ms: number | null;
  readonly newest_status: ShutGate["newestStatus"];
};

/** Returns what does not run, as a clause, and why not, as another one. */
export const unfiredText = ({ count, reason, reasons, paused = null, paused_by: by, gates }: UnfiredFacts) => {
  const what = count === 0 ? "paused for more than a day" : `${countText(count)} without a run`;
  const texts = reasons.map((each) => {
    const times = reasons.length === 1 ? "" : `${each.count.toLocaleString("en-US")} × `;
    return `${times}${reasonText(each.reason, paused)}`;
  });
  const all = texts.length === 0 ? reasonText(reason, paused) : texts.join(", ");
  const now = reason === "dependency" ? gates.map(gateText) : [];
  return { what, why: [`${all}${reason === "paused" ? byText(by) : ""}`, ...now].join("; ") };
};

/**
 * Returns since when a job has not run, and why, as a clause; `timeText` formats a time. It leaves out the gates that are shut now,
 * because they stand in the way of the next run, and are listed with what else does.
 */
export const notRunText = (
  unfired: Omit<UnfiredFacts, "gates"> & { readonly since: number },
  timeText: (at: number) => string,
): string => {
  const { what, why } = unfiredText({ ...unfired, gates: [] });
  return `since ${timeText(unfired.since)}${unfired.count >= MAX_UNFIRED ? " or earlier" : ""}, ${what}: ${why}`;
};

const countText = (count: number): string =>
  count >= MAX_UNFIRED
    ? `${MAX_UNFIRED.toLocaleString("en-US")} occurrences or more`
    : `${count.toLocaleString("en-US")} occurrence${count === 1 ? "" : "s"}`;

const PAUSED_TEXT = { job: "the job was paused", scheduler: "the scheduler was paused" } as const;

/** The ledger does not have which pause it was, but the one of now explains those up to now. */
const reasonText = (reason: UnfiredReason, paused: UnfiredFacts["paused"]): string =>
  reason === "paused" && paused != null ? PAUSED_TEXT[paused] : OCCURRENCE_REASON_TEXT[reason];

const gateText = ({
  job_id: jobId,
  condition,
  window_ms: windowMs,
  newest_status: newestStatus,
}: UnfiredGate): string => shutGateText({ jobId, condition, windowMs, newestStatus });

/** Returns that a job has not run as expected in a few words, for a cell of a table. */
export const unfiredState = ({ count, reason }: Pick<UnfiredFacts, "count" | "reason">): string =>
  reason === "paused" || reason === "disabled" ? `${reason}, not run` : `not run ×${count.toLocaleString("en-US")}`;

/** Returns who it was, to follow what was done. */
export const byText = (by: string | null): string => (by === null ? "" : ` by ${by}`);
